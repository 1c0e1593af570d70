"""Following an alias: each version that gets it is deployed."""

import logging
from collections.abc import Callable
from threading import Event
from typing import Any

from throughline.deployment.target import Deployment, DeploymentTarget
from throughline.deployment.versions import resolve
from throughline.errors import UserError

logger = logging.getLogger(__name__)


def watch(
    target: DeploymentTarget,
    name: str,
    alias: str,
    deployed: Callable[[Deployment], Any],
    seconds: float,
    ended: Event,
) -> None:
    """Deploys the version that has an alias whenever that is another one, or does not answer.

    A version that cannot be deployed is told once; what was deployed before stays. A registry that
    does not answer is asked again.

    Args:
        target: Where to.
        name: The registered model's name.
        alias: Which of its versions.
        deployed: Told of each deployment.
        seconds: The time between two looks.
        ended: Set to end it.
    """
    from mlflow.exceptions import MlflowException

    refused = None
    while not ended.wait(seconds):
        try:
            version = resolve(name, alias)
        except (MlflowException, UserError) as error:
            logger.warning("%s", error)
            continue
        if version == refused:
            continue
        served = target.status(name)
        if served and served.healthy and served.model == version:
            continue
        try:
            deployment = target.deploy(version)
            refused = None
        except UserError as error:
            refused = version
            logger.warning("%s", error)
            continue
        try:
            deployed(deployment)
        except (MlflowException, UserError) as error:
            logger.warning("%s", error)
