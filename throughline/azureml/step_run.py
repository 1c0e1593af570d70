"""A step in a pipeline of Azure ML: its arguments, and the run that the pipeline made for it.

The service writes a pipeline parameter's name in capitals, or with a prefix; and it adds what the
run needs to call back, as arguments, where its other computes have variables.
Source: the documentation of ``DatabricksStep``; issues 703 and 1218 of
https://github.com/Azure/MachineLearningNotebooks.
"""

import os
import re
from collections.abc import Sequence

from throughline.step import OF_AZUREML

_PREFIX = "_AML_PARAMETER_"
_STEP = "step"


def step_arguments(words: Sequence[str]) -> list[str]:
    """The arguments of a step's script, of all that the service gave: names and values in turn.

    What the service says twice of a parameter, with and without its prefix, is the value of this
    run with it, and perhaps the pipeline's default without.
    """
    plain: dict[str, str] = {}
    prefixed: dict[str, str] = {}
    told: list[str] = []
    for name, value in zip(words[::2], words[1::2], strict=False):
        if OF_AZUREML.fullmatch(name):
            told += [name, value]
            continue
        bare = name.lstrip("-")
        kept = prefixed if bare.upper().startswith(_PREFIX) else plain
        kept[re.sub(_PREFIX, "", bare, flags=re.IGNORECASE).lower()] = value
    own = {**plain, **prefixed}
    own.pop(_STEP, None)
    return [word for name, value in own.items() for word in (f"--{name}", value)] + told


def take_run(arguments: Sequence[str]) -> None:
    """Makes the run of the pipeline the step's own, in Azure ML's tracking store and registry.

    So the steps of a pipeline find each other in its experiment, its page shows what they logged,
    and the models are where Azure ML deploys them from. The cluster needs no secret: the run's
    token comes with the run.
    """
    pairs = zip(arguments[::2], arguments[1::2], strict=False)
    told = {name.lstrip("-"): value for name, value in pairs if OF_AZUREML.fullmatch(name)}
    scope = (
        f"/subscriptions/{told['AZUREML_ARM_SUBSCRIPTION']}"
        f"/resourceGroups/{told['AZUREML_ARM_RESOURCEGROUP']}"
        "/providers/Microsoft.MachineLearningServices"
        f"/workspaces/{told['AZUREML_ARM_WORKSPACE_NAME']}"
    )
    host = told["AZUREML_SERVICE_ENDPOINT"].partition("://")[2].strip("/")
    uri = f"azureml://{host}/mlflow/v2.0{scope}"
    os.environ |= told | {
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_REGISTRY_URI": uri,
        "MLFLOW_TRACKING_TOKEN": told["AZUREML_RUN_TOKEN"],
        "MLFLOW_RUN_ID": told["AZUREML_RUN_ID"],
        "MLFLOW_EXPERIMENT_NAME": told["AZUREML_ARM_PROJECT_NAME"],
    }
