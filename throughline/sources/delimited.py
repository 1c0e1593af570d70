"""Reading CSV: comma-separated, a header line, types found from all values."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from throughline.errors import UserError
from throughline.features.op import listed, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_MISSING = "NA"
_BAD = "__bad_record"
_UNNAMED = re.compile(r"_c[0-9]+")
_NUMBERS = {"int", "bigint", "double"}
_MOMENTS = {"date", "timestamp", "timestamp_ntz"}
_DAY = r"\A[-+]?[0-9]{4,}-"
"""A moment begins with its day: Spark would read 05:30 as that time today."""

_CODE = r"\A([-+]?0[0-9]|\+[0-9]+\z)|[dDfF]\z"
"""What Java takes for a number and people do not: 01067, +4930123456 and 12d."""

_WHOLE = re.compile("-?[0-9]+")
_DATA = re.compile(r"[-+]?[0-9]*\.[0-9]+([eE][-+]?[0-9]+)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*")


def read_csv(spark: "SparkSession", path: str) -> "DataFrame":
    """Reads CSV files; ``NA`` and nothing are missing, and a quote within quotes is doubled.

    Spaces around a field are no part of it. The types are those that Spark infers from all values
    of all files, so a later file cannot have another; but ZIP codes, telephone numbers and digits
    beyond 64 bits stay text: in a column of numbers no value has a leading zero, and no whole one a
    plus sign. ``1e5`` is a number.

    That is two passes over the files, in parallel pieces cut at line ends. Only where the second
    finds records cut in two, by a line end within quotes, both are done again with each file read
    by one task, from its beginning.

    Raises:
        UserError: If there is no header line, its names repeat, or a record has another number of
            fields than the header.
    """
    header = _header(spark, path)
    whole_files = False
    types, found = _look(spark, path, header, whole_files)
    if found["bad"] or found["cut"]:
        whole_files = True
        types, found = _look(spark, path, header, whole_files)
    if found["bad"]:
        raise UserError(
            f"The table {path} has {found['bad']:,} records whose number of fields is not the "
            f"header's ({len(header)}), one of them {found['example'][:80]!r}; mend them, or put "
            "quotes around fields with commas."
        )
    rows = _read(spark, path, types, whole_files)
    return rows.select([_column(name).alias(name.strip()) for name in header])


def _look(
    spark: "SparkSession", path: str, header: Sequence[str], whole_files: bool
) -> tuple[dict[str, str], Any]:
    """The columns' types, and what a pass over the text finds: wrong records and cut ones."""
    from pyspark.sql import functions as F

    inferred = _read(spark, path, None, whole_files).dtypes
    types = {name: kind for name, (_, kind) in zip(header, inferred, strict=True)}
    numbers = [name for name in header if types[name] in _NUMBERS]
    moments = [name for name in header if types[name] in _MOMENTS]
    words = [name for name in header if types[name] == "string"]
    text = _read(spark, path, dict.fromkeys([*header, _BAD], "string"), whole_files)
    # Functions over an array: an expression for each of many columns makes a Java method so long
    # that the virtual machine never compiles it.
    codes = F.transform(_array(numbers), lambda value: value.rlike(_CODE))
    dayless = F.transform(_array(moments), lambda value: ~value.rlike(_DAY))
    found = text.agg(
        F.count(_BAD).alias("bad"),
        F.first(_BAD, ignorenulls=True).alias("example"),
        F.max(F.exists(_array(words), _has_an_open_quote)).alias("cut"),
        *[F.bool_or(codes[i]).alias(f"text{i}") for i in range(len(numbers))],
        *[F.bool_or(dayless[i]).alias(f"text{len(numbers) + i}") for i in range(len(moments))],
    ).first()
    for i, name in enumerate([*numbers, *moments]):
        types[name] = "string" if found and found[f"text{i}"] else types[name]
    beyond = {name: "string" for name, kind in types.items() if kind.startswith("decimal")}
    return types | beyond, found


def _read(
    spark: "SparkSession", path: str, types: Mapping[str, str] | None, whole_files: bool
) -> "DataFrame":
    """The rows in these types; without any, in those that Spark infers."""
    from pyspark.sql.types import StructField, StructType, _parse_datatype_string

    reader = spark.read
    unnamed = any(map(_UNNAMED.fullmatch, types or ()))
    if types:
        fields = [StructField(n, _parse_datatype_string(kind)) for n, kind in types.items()]
        reader = reader.schema(StructType(fields))
    return reader.csv(
        path,
        header=True,
        inferSchema=types is None,
        enforceSchema=types is None or unnamed,  # if not, all header lines must be the same
        escape='"',
        ignoreLeadingWhiteSpace=True,
        ignoreTrailingWhiteSpace=True,
        nullValue=_MISSING,
        emptyValue=_MISSING,
        multiLine=whole_files,
        columnNameOfCorruptRecord=_BAD,
    )


def _column(name: str) -> "Column":
    from pyspark.sql import functions as F

    return F.col(quoted(name))


def _array(columns: Sequence[str]) -> "Column":
    from pyspark.sql import functions as F

    return F.array(*map(_column, columns)).cast("array<string>")  # of no columns too


def _has_an_open_quote(text: "Column") -> "Column":
    from pyspark.sql import functions as F

    quotes = F.length(text) - F.length(F.translate(text, '"', ""))
    return text.contains('"') & (quotes % 2 == 1)


def _header(spark: "SparkSession", path: str) -> list[str]:
    first = spark.read.csv(path, header=False, escape='"').first()
    header = [name or f"_c{i}" for i, name in enumerate(first or ())]
    names = [name.strip() for name in header]
    if not header:
        raise UserError(f"The table {path} is empty; a CSV file begins with a line of names.")
    if len(names) == 1 and (other := next((s for s in ";\t|" if s in names[0]), None)):
        raise UserError(
            f"The table {path} seems to be separated by {other!r}; write it with commas."
        )
    if any(map(_DATA.fullmatch, names)) or all(map(_WHOLE.fullmatch, names)):
        raise UserError(
            f"The table {path} seems to have no header line: its first line is "
            f"{listed(names)}; put the columns' names there."
        )
    if doubled := [name for name in names if names.count(name) > 1]:
        raise UserError(
            f"The table {path} has several columns {doubled[0]!r}; name each differently."
        )
    return header
