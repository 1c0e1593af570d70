"""Sample tables that ship inside a Python package, turned into Parquet once."""

import importlib.util
import os
import zipfile
from collections.abc import Callable, Collection
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

from throughline.errors import UserError
from throughline.sources import sklearn_samples
from throughline.sources.kept import kept_below
from throughline.strict import nearest

PREFIX = "sample:"
MISSING = ("NA", "")


def sample_as_parquet(reference: str, data_root: str | Path) -> Path:
    """Finds ``sample:<package>/<table>`` and returns it as a Parquet file below the data root.

    It is a CSV file in the package's folder ``data``; the package is located, never imported: its
    code may not run on this Python. Or it is one of scikit-learn's own tables. Where the data root
    is a URI, the file goes to this machine's temporary folder.

    Raises:
        UserError: If the package or the table is not there.
    """
    package, _, table = reference.removeprefix(PREFIX).partition("/")
    convert: Callable[[Path], None]
    if package == sklearn_samples.PACKAGE:
        _must_be_among(sklearn_samples.TABLES, table, reference)
        stamp, convert = sklearn_samples.stamp(), partial(_write_sklearn, table)
    else:
        source = _data_file(package, table, reference)
        stamp, convert = str(source.stat().st_size), partial(_convert, source)
    target = kept_below(data_root, "samples") / package / f"{table}-{stamp}.parquet"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(f".{os.getpid()}.tmp")
        convert(unfinished)
        os.replace(unfinished, target)
    return target


def sample_version(reference: str) -> str:
    """What changes when a sample's rows may have: its package's version, and its file's size.

    Raises:
        UserError: If the package or the table is not there.
    """
    package, _, table = reference.removeprefix(PREFIX).partition("/")
    if package == sklearn_samples.PACKAGE:
        return sklearn_samples.stamp()
    size = _data_file(package, table, reference).stat().st_size
    try:
        return f"{version(package)}, {size} bytes"
    except PackageNotFoundError:
        return f"{size} bytes"


def _data_file(package: str, table: str, reference: str) -> Path:
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"The table {reference!r} is in the package {package!r}: install it.")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    files = {path.name.split(".")[0]: path for path in sorted(folder.glob("*.csv*"))}
    _must_be_among(files, table, reference)
    return files[table]


def _must_be_among(tables: Collection[str], table: str, reference: str) -> None:
    if table not in tables:
        raise UserError(f"The table {reference!r} is not in the package; {nearest(table, tables)}.")


def _write_sklearn(table: str, target: Path) -> None:
    sklearn_samples.sklearn_table(table).to_parquet(target, index=False)


def _convert(source: Path, target: Path) -> None:
    import pyarrow.parquet as pq
    from pyarrow import csv

    def read(stream: IO[bytes]) -> None:
        options = csv.ConvertOptions(null_values=MISSING, strings_can_be_null=True)
        table = csv.read_csv(stream, convert_options=options)
        pq.write_table(table, target, coerce_timestamps="us", row_group_size=100_000)

    if source.suffix == ".zip":
        with zipfile.ZipFile(source) as archive, archive.open(archive.namelist()[0]) as stream:
            read(stream)
    else:
        with source.open("rb") as stream:
            read(stream)
