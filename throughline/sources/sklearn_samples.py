"""The small tables that scikit-learn carries, as data frames."""

import re
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "sklearn"
TABLES = ("breast_cancer", "diabetes", "iris", "wine")


def stamp() -> str:
    """The package's version: another one may hold other values."""
    return version("scikit-learn")


def sklearn_table(name: str) -> "pd.DataFrame":
    """One of scikit-learn's toy data sets (its user guide, "Toy datasets"), of those in ``TABLES``.

    The column ``target`` is what is to be predicted: for a classification the class's name. The
    column ``row`` counts the rows from 0 and can serve as the key. Units in brackets are left out
    of the names; diabetes is not scaled.
    """
    from sklearn import datasets

    options = {"scaled": False} if name == "diabetes" else {}
    found = getattr(datasets, f"load_{name}")(as_frame=True, **options)
    names = {column: re.sub(r"\s*\(.*\)", "", column) for column in found.data.columns}
    table: pd.DataFrame = found.data.rename(columns=names)
    target = found.target
    if "target_names" in found:
        target = target.map(dict(enumerate(map(str, found.target_names))))
    return table.assign(target=target, row=range(len(table)))
