"""Whether the registry and the deployment are already what register and deploy would make them."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from throughline.caching.cache import Found, finished, json_of
from throughline.deployment.limits import Limits
from throughline.deployment.target import ENDPOINT, ModelVersion
from throughline.deployment.targets import open_target
from throughline.deployment.token import fingerprint
from throughline.errors import UserError
from throughline.registry.promotion import best_candidate, is_of
from throughline.registry.roles import CHALLENGER, champion_of, version_with
from throughline.tracking import STEP

if TYPE_CHECKING:
    from mlflow.entities import Run

    from throughline.recipe.recipe import Recipe


def registered(candidates: "list[Run]", recipe: "Recipe", same: Callable[[], Found]) -> Found:
    """The run of register after which the best candidate stands where the rule would put it.

    Args:
        candidates: The candidates.
        recipe: The recipe.
        same: Finds the run of register with the same key, which the verdict on a challenger needs.
    """
    best = best_candidate(candidates, recipe.metric)
    champion = champion_of(recipe.name)
    if champion and is_of(champion, best):
        run = _last("register", {"model": recipe.name, "version": champion.version})
        return Found(run, "" if run else "it was registered elsewhere")
    challenger = version_with(recipe.name, CHALLENGER)
    if challenger is None or not is_of(challenger, best):
        registered_before = champion or challenger
        why = "the best candidate is another one" if registered_before else "nothing is registered"
        return Found(None, why)
    return same()


def deployed(model: str, alias: str, target: str, data_root: str, port: int) -> Found:
    """The run of deploy after which the target serves the version with this alias, and answers.

    Args:
        model: The registered model's name.
        alias: Which of its versions.
        target: The target's name.
        data_root: Where the local target keeps its state.
        port: Where it is to be served, of targets that have ports.
    """
    version = version_with(model, alias)
    try:
        served = open_target(target, data_root, port).status(model)
    except UserError as error:
        return Found(None, str(error))
    if served is None or version is None:
        return Found(None, "nothing is served")
    if not served.model.may_be(ModelVersion.of(version)):
        return Found(None, f"version {served.model.version} is served")
    if urlsplit(served.url).port not in (None, port):
        return Found(None, f"it is served at {served.url}")
    if target in ("local", "docker") and served.token != fingerprint():
        return Found(None, "it asks for another token, or for none")
    if target in ("local", "docker") and served.limits != str(Limits.from_environment()):
        return Found(None, "it has other limits")
    if not served.healthy:
        return Found(None, f"{served.url} does not answer")
    tags = {"endpoint.url": served.url, "endpoint.version": served.model.version}
    run = _last("deploy", tags)
    if run and json_of(run, ENDPOINT) is None:
        return Found(None, f"{ENDPOINT} of its run is missing")
    figure = f"{served.model.uri} at {served.url}"
    return Found(run, "" if run else "it was deployed elsewhere", figure)


def _last(step: str, tags: dict[str, str]) -> "Run | None":
    said = [f"tags.`{name}` = '{value}'" for name, value in {STEP: step, **tags}.items()]
    return next(iter(finished(" AND ".join(said), 1)), None)
