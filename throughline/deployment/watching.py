"""Following an alias: each version that gets it is deployed."""

import logging
import time
from collections.abc import Callable
from threading import Event
from typing import Any

from throughline.deployment.target import Deployment, DeploymentTarget, ModelVersion
from throughline.deployment.versions import resolve
from throughline.errors import UserError
from throughline.login import without_login

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 3600.0
"""Seconds until a version that could not be deployed is tried again, at most."""


def watch(
    target: DeploymentTarget,
    name: str,
    alias: str,
    deployed: Callable[[Deployment], Any],
    seconds: float,
    ended: Event,
) -> None:
    """Deploys the version that has an alias whenever that is another one, or does not answer.

    A version that cannot be deployed is told once, and tried again after pauses that grow; what was
    deployed before stays. A registry that does not answer is asked again.

    Args:
        target: Where to.
        name: The registered model's name.
        alias: Which of its versions.
        deployed: Told of each deployment.
        seconds: The time between two looks.
        ended: Set to end it.
    """
    from mlflow.exceptions import MlflowException

    refused: ModelVersion | None = None
    pause = again = 0.0
    while not ended.wait(seconds):
        try:
            version = resolve(name, alias)
            if version == refused and time.monotonic() < again:
                continue
            served = target.status(name)
        except (MlflowException, OSError, UserError) as error:
            logger.warning("%s", without_login(str(error)))
            continue
        if served and served.healthy and served.model.may_be(version):
            continue
        try:
            deployment = target.deploy(version)
            refused = None
        except (MlflowException, OSError, UserError) as error:
            if version != refused:
                pause = seconds
                reason = without_login(str(error)).rstrip(".")
                logger.warning("%s; it is tried again later", reason)
            pause = min(2 * pause, LONGEST_PAUSE)
            refused, again = version, time.monotonic() + pause
            continue
        if deployment.change == "unchanged":  # it has its share of the traffic, say
            continue
        try:
            deployed(deployment)
        except (MlflowException, OSError, UserError) as error:
            logger.warning("%s", without_login(str(error)))
