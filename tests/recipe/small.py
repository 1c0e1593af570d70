"""A small recipe, and the sentence that refuses what is made of it."""

import pytest

from throughline.errors import UserError
from throughline.recipe.file import parse_recipe

TEXT = """\
name: small
source:
  table: rows.parquet
  joins:
    - {table: other.csv, on: [id], how: left}
key: [id]
label: {name: y, task: classification}
split:
  by: t
  test_from: 2013-10-01
prepare:
  - impute: {columns: [x]}
  - scale:
      columns: [x]
metric: roc_auc
models:
  - {family: xgboost}
"""


def refused(text, overrides="none"):
    with pytest.raises(UserError) as raised:
        parse_recipe(text, "my.yaml", overrides)
    return str(raised.value)
