"""The rows of a plain JSON request, read without a data frame; MLflow answers every other one.

A request is plain if it has one of MLflow's four forms and nothing else, and every value that the
signature names is of its type as JSON has it. Then no rule of MLflow's conversions can tell, and
its data frame, its casts and its signature check, which take longer than the model, may be left
out. A null is a missing value, whatever the column's type.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from throughline.moments import YEARS

if TYPE_CHECKING:
    from mlflow.types import Schema

Columns = dict[str, list[Any]]

_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{3}(\d{3})?)?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)
_EXACT = 2**53


class NotPlain(Exception):
    """A request that MLflow is to answer."""


class Ambiguous(Exception):
    """A request that MLflow would answer as if a missing value were another, and why."""


@dataclass(frozen=True)
class Field:
    """A column of the signature.

    Attributes:
        name: Its name.
        type: Its type, as MLflow names it.
        required: Whether it must be there.
    """

    name: str
    type: str
    required: bool

    @property
    def read(self) -> Callable[[Any], Any]:
        """Reads a value that is there; raises ``NotPlain`` if it is not of the type."""
        return _READERS[self.type]


def fields_of(schema: "Schema | None") -> list[Field] | None:
    """The columns of a signature; None if some of them are not of the few types read here."""
    if schema is None or not schema.has_input_names() or schema.is_tensor_spec():
        return None
    types = [getattr(column.type, "name", "") for column in schema.inputs]
    if not set(types) <= set(_READERS):
        return None
    return [
        Field(str(column.name), kind, column.required)
        for column, kind in zip(schema.inputs, types, strict=True)
    ]


def plain_rows(body: bytes, fields: Sequence[Field]) -> tuple[Columns, bool]:
    """The columns of a request's rows that the signature names, and whether to explain.

    Numbers are finite, or missing.

    Raises:
        NotPlain: If MLflow is to answer it.
    """
    request = _parsed(body)
    explain = _explain(request.pop("params", None))
    if len(request) != 1:
        raise NotPlain
    ((form, given),) = request.items()
    if form not in _FORMS:
        raise NotPlain
    columns, count = _FORMS[form](given)
    return {field.name: _values(field, columns, count) for field in fields}, explain


def as_frame(body: bytes, fields: Sequence[Field]) -> bytes:
    """A request with its rows in a form that MLflow answers as it would a plain one.

    MLflow reads ``instances`` and ``inputs`` as arrays, in which a null of a text column becomes
    the text "None", and it takes no moment with a zone: the same row would have two answers.

    Raises:
        Ambiguous: If a truth value is missing, which MLflow would read as false.
    """
    try:
        request = _parsed(body)
        (form,) = request.keys() & _FORMS.keys()
        given, _ = _FORMS[form](request.pop(form))
    except (NotPlain, ValueError):
        return body
    columns = dict(given)
    for field in fields:
        if field.name in columns:
            columns[field.name] = _handed_on(field, columns[field.name])
    rows = list(zip(*columns.values(), strict=True))
    split = {"columns": list(columns), "data": rows}
    return json.dumps({**request, "dataframe_split": split}).encode()


def as_table(request: dict[str, Any]) -> dict[str, Any]:
    """The rows of a request in one of MLflow's JSON forms: ``columns``, ``index`` and ``data``.

    Raises:
        NotPlain: If they are no rows with named columns.
    """
    forms = request.keys() & _FORMS.keys()
    if len(forms) != 1:
        raise NotPlain
    (form,) = forms
    columns, count = _FORMS[form](request[form])
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return {"columns": list(columns), "index": list(range(count)), "data": rows}


def _handed_on(field: Field, values: Sequence[Any]) -> Sequence[Any]:
    if field.type == "boolean" and None in values:
        raise Ambiguous(
            f"The column {field.name!r} has a null, and other values are not of their column's "
            "type; send each value as its type."
        )
    return [_in_utc(value) for value in values] if field.type == "datetime" else values


def _in_utc(value: Any) -> Any:
    """A moment without its zone, in UTC; what is no moment stays as it is."""
    try:
        return _moment(value).replace(tzinfo=None).isoformat()
    except NotPlain:
        return value


def _explain(params: Any) -> bool:
    """The one parameter of the signature; false where it is not given."""
    given = {} if params is None else params
    if not isinstance(given, dict) or not given.keys() <= {"explain"}:
        raise NotPlain
    return _truth(given.get("explain", False))


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise NotPlain from None
    if not isinstance(request, dict):
        raise NotPlain
    return request


def _values(field: Field, columns: Mapping[str, Sequence[Any]], count: int) -> list[Any]:
    values = columns.get(field.name)
    if values is None:
        if field.required:
            raise NotPlain
        return [None] * count
    read = field.read
    found = [None if value is None else read(value) for value in values]
    if field.required and field.type == "long" and None in found:
        raise NotPlain
    return found


def _of_split(given: Any) -> tuple[Mapping[str, Sequence[Any]], int]:
    if not isinstance(given, dict) or given.keys() - {"index"} != {"columns", "data"}:
        raise NotPlain
    names, rows = given["columns"], given["data"]
    if not isinstance(names, list) or not isinstance(rows, list) or not rows:
        raise NotPlain
    index = given.get("index", rows)  # pandas sends one; no answer depends on it
    if not isinstance(index, list) or len(index) != len(rows):
        raise NotPlain
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise NotPlain
    if not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        raise NotPlain
    return dict(zip(names, zip(*rows, strict=True), strict=True)), len(rows)


def _of_records(given: Any) -> tuple[Mapping[str, Sequence[Any]], int]:
    if not isinstance(given, list) or not given:
        raise NotPlain
    if not all(isinstance(row, dict) for row in given):
        raise NotPlain
    names = dict.fromkeys(name for row in given for name in row)
    return {name: [row.get(name) for row in given] for name in names}, len(given)


def _of_inputs(given: Any) -> tuple[Mapping[str, Sequence[Any]], int]:
    if not isinstance(given, dict):
        return _of_records(given)
    lengths = {len(values) if isinstance(values, list) else -1 for values in given.values()}
    if len(lengths) != 1 or min(lengths) < 1:
        raise NotPlain
    return given, lengths.pop()


_FORMS = {
    "dataframe_split": _of_split,
    "dataframe_records": _of_records,
    "instances": _of_records,
    "inputs": _of_inputs,
}


def _number(value: Any) -> float | None:
    if type(value) is float:
        return value if math.isfinite(value) else None
    if type(value) is int and -_EXACT <= value <= _EXACT:
        return float(value)
    raise NotPlain


def _whole(value: Any) -> int:
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    raise NotPlain


def _text(value: Any) -> str:
    if type(value) is not str:
        raise NotPlain
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise NotPlain  # half of a pair is no character
    return value


def _truth(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise NotPlain


def _moment(value: Any) -> dt.datetime:
    """A moment in UTC; one without a zone is read as UTC."""
    if type(value) is not str or not _MOMENT.fullmatch(value):
        raise NotPlain
    try:
        moment = dt.datetime.fromisoformat(value)
        utc = moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        raise NotPlain from None
    if utc.year not in YEARS:
        raise NotPlain
    return utc


_READERS: dict[str, Callable[[Any], Any]] = {
    "double": _number,
    "long": _whole,
    "string": _text,
    "boolean": _truth,
    "datetime": _moment,
}
