"""The columns of a Spark table, in the few types that a plan reads."""

from typing import TYPE_CHECKING, Literal

from throughline.features.op import Kind

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

InputType = Literal["double", "long", "string", "timestamp", "boolean"]

KIND_OF_TYPE: dict[InputType, Kind] = {
    "double": "number",
    "long": "number",
    "string": "text",
    "timestamp": "time",
    "boolean": "boolean",
}


def input_types(table: "DataFrame") -> dict[str, InputType]:
    """The types of a Spark table's columns, as far as a plan can read them."""
    names: dict[str, InputType] = {
        "tinyint": "long",
        "smallint": "long",
        "int": "long",
        "bigint": "long",
        "float": "double",
        "double": "double",
        "string": "string",
        "timestamp": "timestamp",
        "timestamp_ntz": "timestamp",
        "date": "timestamp",
        "boolean": "boolean",
    }
    found = {}
    for field in table.schema.fields:
        name = field.dataType.simpleString()
        if name in names or name.startswith("decimal"):
            found[field.name] = names.get(name, "double")
    return found


def kinds_of(table: "DataFrame") -> dict[str, Kind]:
    """The kinds of a Spark table's columns."""
    return {name: KIND_OF_TYPE[kind] for name, kind in input_types(table).items()}
