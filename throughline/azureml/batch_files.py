"""Files of rows as requests: what a batch job reads, in parts that fit into a request."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

ROWS = 5_000
"""The most rows of one request; a whole file would be in the memory several times."""

Item = TypeVar("Item")
Body = tuple[str, str]
"""The content of a request, and its media type."""


def requests_of(path: Path, rows: int = ROWS) -> Iterator[Body]:
    """Reads a file of rows as the requests that score it, in order.

    Args:
        path: A file ``.csv`` (with a header), ``.parquet`` or ``.jsonl`` (an object per line); a
            ``.json`` is a request itself, in one of MLflow's forms.
        rows: The most rows of a request.

    Raises:
        ValueError: The file's name ends otherwise, or its content is not what the name tells.
    """
    if not (read := _READERS.get(path.suffix.lower())):
        raise ValueError(f"{path.name} is no file of rows; give {', '.join(_READERS)}.")
    return read(path, rows)


def _csv(path: Path, rows: int) -> Iterator[Body]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        for part in _parts(reader, rows):
            written = io.StringIO()
            csv.writer(written).writerows([header, *part])
            yield written.getvalue(), "text/csv"


def _parquet(path: Path, rows: int) -> Iterator[Body]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for part in file.iter_batches(rows):
            yield _records(part.to_pylist())


def _lines(path: Path, rows: int) -> Iterator[Body]:
    with path.open(encoding="utf-8") as file:
        for part in _parts((line for line in file if line.strip()), rows):
            yield _records(map(json.loads, part))


def _request(path: Path, rows: int) -> Iterator[Body]:
    yield path.read_text(encoding="utf-8"), "application/json"


def _parts(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    left = iter(items)
    while part := list(islice(left, most)):
        yield part


def _records(rows: Iterable[dict[str, Any]]) -> Body:
    told = [{name: _value(value) for name, value in row.items()} for row in rows]
    return json.dumps({"dataframe_records": told}, default=str), "application/json"


def _value(value: Any) -> Any:
    return None if isinstance(value, float) and value != value else value  # JSON has no NaN


_READERS: dict[str, Callable[[Path, int], Iterator[Body]]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".jsonl": _lines,
    ".json": _request,
}
