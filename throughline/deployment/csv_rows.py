"""A request in CSV as one in JSON: MLflow's reader of CSV takes no moments."""

import io
import json
from collections.abc import Sequence

from throughline.deployment.plain_rows import Field

_AS_TEXT = ("string", "datetime")
_MISSING = ("", "NA")


def as_split(body: bytes, fields: Sequence[Field]) -> bytes | None:
    """The rows of a CSV body with a header, as a ``dataframe_split``; None if it cannot be read.

    As in a table that is read for training, ``NA`` and nothing are missing, and spaces around a
    field are no part of it.
    """
    import pandas as pd

    as_text = {f.name: _text for f in fields if f.type in _AS_TEXT}
    try:
        frame = pd.read_csv(io.BytesIO(body), converters=as_text, index_col=False).astype(object)
    except ValueError:  # pandas' own errors, and those of decoding, are such
        return None
    frame[frame.isna()] = None
    split = {
        "columns": [str(name).strip() for name in frame.columns],
        "data": frame.to_numpy().tolist(),
    }
    return json.dumps({"dataframe_split": split}).encode()


def _text(cell: str) -> str | None:
    return None if (text := cell.strip()) in _MISSING else text
