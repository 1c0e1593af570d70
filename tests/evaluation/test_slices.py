import json

import numpy as np
import pandas as pd
import pytest

from throughline.evaluation.decisions import Decisions
from throughline.evaluation.part import Part
from throughline.evaluation.slices import MISSING, OTHERS, slices_of
from throughline.evaluation.weighted import measure_of
from throughline.features.layout import Layout

BINARY = Layout(features=(), label="y", task="classification", classes=("0", "1"))
VALUE = Layout(features=(), label="y", task="regression")
DRAW = np.random.default_rng(7)
SCORES = DRAW.random((400, 1))
LABELS = (DRAW.random(400) < SCORES[:, 0]).astype(np.int32)


def part(values, labels=LABELS):
    return Part("test", pd.DataFrame({"c": values}), labels, np.arange(len(labels)))


def test_the_metrics_of_each_value_the_most_frequent_first():
    values = np.array(["a"] * 120 + ["b"] * 280)
    first, second = slices_of(part(values), SCORES, BINARY, Decisions(0.5), ("c",), "roc_auc")
    assert (first.value, first.rows, second.value, second.rows) == ("b", 280, "a", 120)
    alone = measure_of(LABELS[120:], SCORES[120:], BINARY, Decisions(0.5))(np.ones(280))
    assert first.metrics == pytest.approx(alone)
    assert first.interval[0] < first.metrics["roc_auc"] < first.interval[1]
    assert not first.small and not second.small
    assert json.loads(json.dumps(first.as_json()))["small"] is False


def test_small_slices_are_marked_and_say_what_they_define():
    values = np.array(["a"] * 380 + ["few"] * 18 + ["one class"] * 2)
    labels = np.append(LABELS[:398], [1, 1]).astype(np.int32)
    found = slices_of(part(values, labels), SCORES, BINARY, None, ("c",), "roc_auc")
    assert [one.small for one in found] == [False, True, True]
    assert "roc_auc" not in found[2].metrics and "brier" in found[2].metrics
    record = found[2].as_json()
    assert (record["value"], record["low"], record["small"]) == ("one class", None, True)


def test_missing_values_are_a_slice_and_rare_ones_are_one_together():
    values = [None] * 200 + [i // 4 for i in range(100)] + [-1] * 100
    labels = SCORES[:, 0]
    found = slices_of(part(values, labels), SCORES, VALUE, None, ("c",), "rmse")
    by_value = {one.value: one.rows for one in found}
    assert len(found) == 21
    assert by_value[MISSING] == 200 and by_value["-1.0"] == 100
    assert by_value[OTHERS] == 100 - 18 * 4


def test_a_slice_of_few_blocks_is_marked_and_has_no_interval():
    rows = Part("test", pd.DataFrame({"c": ["a"] * 400}), LABELS, np.arange(400) // 80)
    (found,) = slices_of(rows, SCORES, BINARY, Decisions(0.5), ("c",), "roc_auc")
    assert found.small and found.interval is None and found.metrics["roc_auc"] > 0.5
    assert json.loads(json.dumps(found.as_json()))["low"] is None
