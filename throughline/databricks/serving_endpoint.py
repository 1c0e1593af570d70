"""What a serving endpoint of Databricks says about itself, and how one is asked for a version."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from databricks.sdk.service.serving import (
        EndpointState,
        ServedEntityInput,
        ServedEntityOutput,
        ServingEndpointDetailed,
        TrafficConfig,
    )

_LONGEST_NAME = 63


@dataclass(frozen=True)
class Version:
    """A version of a registered model, as an endpoint names it."""

    model: str
    version: str


def endpoint_name(model: str) -> str:
    """The name of a model's endpoint: what is not allowed in one becomes a dash."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", model)[:_LONGEST_NAME]


def served_of(endpoint: "ServingEndpointDetailed") -> Version | None:
    """The version that answers, or did before its endpoint broke; None if none ever did."""
    return _version(_entity(endpoint.config))


def pending_of(endpoint: "ServingEndpointDetailed") -> Version | None:
    """The version to which the endpoint is being changed; None if it is not."""
    if not is_changing(endpoint):
        return None
    return _version(_entity(endpoint.pending_config) or _entity(endpoint.config))


def is_changing(endpoint: "ServingEndpointDetailed") -> bool:
    """Whether a change is under way; no other can be made until it ends."""
    return _state(endpoint, "config_update") == "IN_PROGRESS"


def is_ready(endpoint: "ServingEndpointDetailed") -> bool:
    """Whether the endpoint answers."""
    return _state(endpoint, "ready") == "READY"


def has_failed(endpoint: "ServingEndpointDetailed") -> bool:
    """Whether the last change did not come about."""
    return _state(endpoint, "config_update") in ("UPDATE_FAILED", "UPDATE_CANCELED")


def newest_entity(endpoint: "ServingEndpointDetailed") -> "ServedEntityOutput | None":
    """What is being brought up, or was last; else what is served."""
    return _entity(endpoint.pending_config) or _entity(endpoint.config)


def told_by(endpoint: "ServingEndpointDetailed") -> str:
    """What the workspace says about the newest entity's state."""
    entity = newest_entity(endpoint)
    state = entity.state if entity else None
    if state is None:
        return "no state is known"
    kind = state.deployment.value if state.deployment else ""
    return ", ".join(filter(None, (kind, state.deployment_state_message))) or "no state is known"


def is_split(endpoint: "ServingEndpointDetailed") -> bool:
    """Whether several versions share the endpoint's traffic."""
    return bool(endpoint.config and len(endpoint.config.served_entities or []) > 1)


def entity_for(version: Version, old: "ServingEndpointDetailed | None") -> "ServedEntityInput":
    """What to ask an endpoint to serve: the version, sized as the one before was.

    Args:
        version: The version.
        old: The endpoint as it is; None for a new one, which is small and may sleep when unused.
    """
    from databricks.sdk.service.serving import ServedEntityInput

    before = _entity(old.config) if old else None
    settings: dict[str, Any] = {"workload_size": "Small", "scale_to_zero_enabled": True}
    if before:
        settings = before.as_dict()
    suffix = f"-{version.version}"
    name = endpoint_name(version.model)[: _LONGEST_NAME - len(suffix)] + suffix
    wanted = {"name": name, "entity_name": version.model, "entity_version": version.version}
    return ServedEntityInput.from_dict(settings | wanted)


def all_traffic_to(entity: "ServedEntityInput") -> "TrafficConfig":
    """Routes all requests to one entity; without it an update keeps routes to what was before."""
    from databricks.sdk.service.serving import Route, TrafficConfig

    return TrafficConfig([Route(served_model_name=entity.name, traffic_percentage=100)])


def _entity(config: Any) -> "ServedEntityOutput | None":
    entities = (config.served_entities or []) if config else []
    return entities[0] if entities else None


def _version(entity: "ServedEntityOutput | None") -> Version | None:
    if entity is None:
        return None
    return Version(entity.entity_name or "", entity.entity_version or "")


def _state(endpoint: "ServingEndpointDetailed", name: str) -> str:
    state: EndpointState | None = endpoint.state
    found = getattr(state, name, None)
    return str(found.value) if found else ""
