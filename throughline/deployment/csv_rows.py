"""A request in CSV as one in JSON: MLflow's reader of CSV takes no moments."""

import io
import json
from collections.abc import Hashable, Sequence

from throughline.deployment.plain_rows import Field

_AS_TEXT = ("string", "datetime")


def as_split(body: bytes, fields: Sequence[Field]) -> bytes | None:
    """The rows of a CSV body with a header, as a ``dataframe_split``; None if it cannot be read.

    An empty field is a missing value. Text and moments are read as they stand.
    """
    import pandas as pd

    as_text: dict[Hashable, type[str]] = {
        field.name: str for field in fields if field.type in _AS_TEXT
    }
    try:
        frame = pd.read_csv(io.BytesIO(body), dtype=as_text).astype(object)
    except ValueError:  # pandas' own errors, and those of decoding, are such
        return None
    frame[frame.isna()] = None
    split = {"columns": [str(name) for name in frame.columns], "data": frame.to_numpy().tolist()}
    return json.dumps({"dataframe_split": split}).encode()
