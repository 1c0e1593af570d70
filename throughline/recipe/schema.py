"""The recipe's JSON schema, for editors."""

from typing import Any

from throughline.features.registry import OPS
from throughline.recipe.recipe import Recipe


def json_schema() -> dict[str, Any]:
    """The JSON schema; ``python -m throughline.recipe`` prints it."""
    schema = Recipe.model_json_schema(by_alias=True)
    lines = []
    for name, op in OPS.items():
        arguments = op.model_json_schema(by_alias=True)
        schema["$defs"].update(arguments.pop("$defs", {}))
        lines.append(
            {
                "type": "object",
                "properties": {name: arguments},
                "required": [name],
                "additionalProperties": False,
            }
        )
    schema["properties"]["prepare"]["items"] = {"oneOf": lines}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
