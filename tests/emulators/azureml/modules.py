"""Modules of pipelines as the service tells them, and what a request gives to their parameters."""

from typing import Any

_PARAMETER = "1"
"""What says of a value that it is a pipeline parameter's name."""


def entity_of(number: str, sent: dict[str, Any]) -> dict[str, Any]:
    """A module as the service tells it.

    Args:
        number: Its id.
        sent: What was sent of it.
    """
    interface = sent["StructuredInterface"]
    kept = ("Name", "IsDeterministic", "StructuredInterface", "IdentifierHash", "StepType")
    data = {name: sent.get(name) for name in kept}
    parameters = [
        [{"Name": p["Name"], "DefaultValue": p.get("DefaultValue")} for p in interface[kind]]
        for kind in ("Parameters", "MetadataParameters")
    ]
    ports = {
        kind: [{"Name": p["Name"], key: p[given]} for p in interface[kind]]
        for kind, key, given in (
            ("Inputs", "DataTypesIds", "DataTypeIdsList"),
            ("Outputs", "DataTypeId", "DataTypeId"),
        )
    }
    told = {"Parameters": parameters[0], "MetadataParameters": parameters[1], "Ports": ports}
    return {"Data": {**data, "Id": number, "UploadState": "Completed"}, "Interface": told}


def datasets_in(sent: dict[str, Any]) -> dict[str, str]:
    """The ids of the datasets that a request gives to parameters of a pipeline."""
    given = sent.get("DataSetDefinitionValueAssignments") or {}
    return {name: one["SavedDataSetReference"]["Id"] for name, one in given.items()}


def values_in(assigned: list[dict[str, str]], values: dict[str, str]) -> dict[str, str]:
    """What parameters of a module are set to; a pipeline parameter to its value."""
    return {
        one["Name"]: values.get(one["Value"], one["Value"])
        if one["ValueType"] == _PARAMETER
        else one.get("Value", "")
        for one in assigned
    }
