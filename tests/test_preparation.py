import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.distributed.shards import row_group_rows
from throughline.errors import UserError
from throughline.outputs import Output
from throughline.preparation import prepare
from throughline.prepared import PreparedTable
from throughline.recipe.file import parse_recipe


@pytest.fixture
def output(tmp_path):
    return Output.below(str(tmp_path), "prepared")


def refused(spark, text, output):
    """The sentence that refuses the preparation, which must leave nothing that counts."""
    with pytest.raises(UserError) as raised:
        prepare(spark, parse_recipe(text), output, "unused", row_groups=2)
    with pytest.raises(UserError, match="no finished output"):
        PreparedTable.open(output.uri)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_prepared_table(prepared):
    assert prepared.rows == {"train": 149, "validation": 37, "test": 48}
    names = [feature.name for feature in prepared.layout.features]
    assert set(names) == {"x", "n", "odd name", "flag", "x_missing", "t_hour", "t_day_of_week"}
    assert prepared.layout.classes == ("0", "1")
    for part, count in prepared.rows.items():
        columns = prepared.columns(part)
        assert {len(values) for values in columns.values()} == {count}
        assert set(columns) == {*names, "late"}
        kinds = {name: values.dtype for name, values in columns.items()}
        assert kinds.pop("late") == kinds.pop("odd name") == np.int32
        assert set(kinds.values()) == {np.dtype(np.float32)}
        assert not any(np.isnan(values).any() for values in columns.values())


def test_the_training_rows_lie_in_equal_row_groups(prepared):
    sizes = row_group_rows(prepared.output.url("train"))
    assert len(sizes) == 2  # as the preparation was told; 64 otherwise
    assert sum(sizes) == prepared.rows["train"]
    assert max(sizes) - min(sizes) <= 4  # of each task that read them, a row more or less


def test_scaling_was_learnt_from_the_training_rows_only(prepared):
    x = prepared.columns("train")["x"]
    assert x.mean() == pytest.approx(0, abs=1e-6)
    assert x.std() == pytest.approx(1, abs=1e-6)
    assert abs(prepared.columns("test")["x"].mean()) > 1e-3


def test_what_is_known_afterwards_is_gone_from_the_raw_rows(prepared):
    rows = prepared.raw_rows("test")
    assert "delay" not in rows.columns
    assert len(rows) == prepared.rows["test"]
    assert rows["id"].is_monotonic_increasing
    assert set(prepared.labels_of(rows)) == {0, 1}
    assert prepared.raw_rows("test", limit=3)["id"].tolist() == rows["id"].tolist()[:3]


def test_the_plan_on_raw_rows_gives_the_prepared_rows(prepared):
    import narwhals as nw

    from throughline.models.raw_frame import raw_frame

    frame = raw_frame(prepared.raw_rows("test"), prepared.plan.inputs)
    made = prepared.plan.transform(nw.from_native(frame)).to_native().to_pandas()
    written = pd.DataFrame(prepared.columns("test")).drop(columns="late")
    order = list(made.columns)
    pd.testing.assert_frame_equal(
        made.sort_values(order, ignore_index=True),
        written[order].sort_values(order, ignore_index=True),
    )


def test_dropped_rows_are_in_no_part_and_nothing_is_learnt_from_them(
    spark, small_recipe_text, small_table, output
):
    line = "drop_rows: {missing: [late]}"
    text = small_recipe_text.replace("TABLE", str(small_table))
    text = text.replace(line, "drop_rows: {missing: [late], where: n == 4}")
    made = prepare(spark, parse_recipe(text), output, "unused", row_groups=2)
    raw = spark.read.parquet(output.path("raw")).toPandas()
    assert len(raw) == sum(made.rows.values()) < 234
    assert set(raw["n"]) == {0, 1, 2, 3}
    (impute,) = [op for op in made.plan.ops if op.name == "impute"]
    kept = raw[raw["__split"] == "train"]
    assert impute.values["x"] == pytest.approx(kept["x"].median(), abs=0.05)
    assert "drop_rows" not in {op.name for op in made.plan.ops}


def test_the_manifest_and_the_recipe_are_kept(prepared):
    manifest = prepared.output.manifest()
    assert manifest["recipe"] == prepared.recipe.digest()
    assert manifest["fraction"] == 1.0
    assert prepared.recipe.name == "small"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("key: [id]", "key: [idd]", "key names the column 'idd', which is not in the table"),
        (
            "key: [id]",
            "key: [id]\nslices: [flagg]",
            "slices names the column 'flagg'",
        ),
        ("[delay]", "[delays]", "known_after names the column 'delays'.*did you mean 'delay'"),
        ("from: delay > 30", "from: dely > 30", "label reads the column 'dely'.*mean 'delay'"),
        ("from: delay > 30", "from: remark > 30", "'30' is of kind number, where only a text"),
        ("scale: {columns: [x]}", "scale: {columns: [xx]}", "scale reads the column 'xx'"),
        ("scale: {columns: [x]}", "scale: {columns: [remark]}", "scale cannot read .* kind text"),
        ("{by: t,", "{by: tt,", "split reads the column 'tt', which is not in the table"),
        ("{by: t,", "{by: remark,", "split is by 'remark', which holds text, not times"),
        ("2013-01-09", "2031-01-01", r"leaves no test rows with a label \(train"),
        ("2013-01-09", "1999-01-01", "leaves no train rows with a label"),
        ("TABLE}", "TABLE, where: n > 99}", "No row with a label is left; change 'source.where'"),
        ("delay > 30", "delay > 1000000", "has only the class '0' in the training rows"),
        ("metric:", "features: [remark]\nmetric:", "'remark' does not come out of the ops"),
        ("metric:", "features: [delay]\nmetric:", "'delay' does not come out of the ops"),
        ("TABLE}", "TABLE, where: z > 1}", "source.where names the column 'z'"),
        ("TABLE}", "TABLE, where: x == 'a'}", "is of kind text, where only a number"),
        ("split:", "moments: {m: {from: z}}\nsplit:", "moments.m names the column 'z'"),
        ("split:", "moments: {m: {from: x}}\nsplit:", "'m' starts from 'x', which holds number"),
        ("split:", "history: [{count: {by: [z]}}]\nsplit:", "history names the column 'z'"),
    ],
)
def test_refuses_a_recipe_that_does_not_fit_the_table(
    spark, small_recipe_text, small_table, output, old, new, message
):
    assert old in small_recipe_text
    text = small_recipe_text.replace(old, new).replace("TABLE", str(small_table))
    assert re.search(message, refused(spark, text, output))


def test_refuses_a_missing_file(spark, small_recipe_text, output):
    text = small_recipe_text.replace("TABLE", "nowhere/rows.parquet")
    assert "There is no table at nowhere/rows.parquet" in refused(spark, text, output)


def test_refuses_a_time_column_that_is_text(
    spark, small_recipe_text, small_table, output, tmp_path
):
    rows = pd.read_parquet(small_table)
    path = tmp_path / "text.parquet"
    rows.assign(t=rows["t"].astype(str)).to_parquet(path)
    sentence = refused(spark, small_recipe_text.replace("TABLE", str(path)), output)
    assert "'t', which" in sentence


@pytest.mark.parametrize("damage", ["schema", "data"])
def test_refuses_a_corrupt_file(spark, small_recipe_text, small_table, output, tmp_path, damage):
    table = pq.read_table(small_table)
    path = tmp_path / "corrupt.parquet"
    pq.write_table(pa.concat_tables([table] * 40), path, use_dictionary=False)
    content = path.read_bytes()
    if damage == "schema":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:4] + b"\xff" * 20000 + content[20004:])
    sentence = refused(spark, small_recipe_text.replace("TABLE", str(path)), output)
    assert "corrupt.parquet cannot be read" in sentence


def test_what_an_earlier_attempt_left_is_removed(spark, small_recipe_text, output):
    output.commit({"rows": {}})
    refused(spark, small_recipe_text.replace("TABLE", "nowhere.parquet"), output)


def test_training_rows_see_the_label_of_other_folds_only(
    spark, small_recipe_text, small_table, output
):
    import narwhals as nw

    from throughline.models.raw_frame import raw_frame

    encoded = (
        "- target_mean: {columns: [n, odd name]}\n"
        "  - aggregate: {by: [flag], of: late, functions: [mean]}\n  - one_hot:"
    )
    text = small_recipe_text.replace("- one_hot:", encoded).replace("TABLE", str(small_table))
    prepare(spark, parse_recipe(text), output, "unused", row_groups=2)
    table = PreparedTable.open(output.uri)
    names = ["n_target_mean", "odd name_target_mean", "late_mean_by_flag"]
    assert "__fold" not in {*table.columns("train"), *table.columns("test")}
    assert "__fold" not in table.plan.to_json()
    assert {"late", "__fold"}.isdisjoint(column.name for column in table.plan.inputs)

    def served(part):
        frame = raw_frame(table.raw_rows(part), table.plan.inputs)
        return table.plan.transform(nw.from_native(frame)).to_native().to_pandas()

    for name in names:
        test, train = table.columns("test")[name], table.columns("train")[name]
        assert sorted(test) == pytest.approx(sorted(served("test")[name]))
        assert len(set(train)) > 2 * served("train")[name].nunique()
        assert set(train).isdisjoint(served("train")[name])


@pytest.fixture(scope="module")
def odd_text(small_recipe_text, small_table, tmp_path_factory):
    """The recipe of a table whose numbers are all far from those of the small table."""
    path = tmp_path_factory.mktemp("odd") / "rows.parquet"
    rows = pd.read_parquet(small_table)
    rows.assign(x=rows["x"] + 1000).to_parquet(path, coerce_timestamps="us")
    return small_recipe_text.replace("TABLE", str(path))


def test_rows_that_do_not_keep_an_earlier_contract_are_refused(spark, odd_text, prepared, output):
    earlier = prepared.contract.ruled("refuse", 0.01)
    with pytest.raises(UserError, match="do not keep the data contract: the column 'x' has 2.. of"):
        prepare(spark, parse_recipe(odd_text), output, "unused", row_groups=2, earlier=earlier)
    assert not output.exists()


def test_or_only_warned_of(spark, odd_text, prepared, output):
    text = odd_text + "contract: {on_violation: refuse, tolerance: 0.5}\n"
    earlier = prepared.contract
    made = prepare(spark, parse_recipe(text), output, "unused", row_groups=2, earlier=earlier)
    (violation,) = made.violations
    assert violation.column == "x"
    learnt = PreparedTable.open(output.uri).contract  # its own, under its own recipe's rule
    assert learnt == made.contract
    assert (learnt.on_violation, learnt.tolerance) == ("refuse", 0.5)
    assert learnt.columns != earlier.columns


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("metric: brier", "The metric 'brier' is for two classes, and the label has 5"),
        (
            "metric: roc_auc\nthreshold: {cost: {false_positive: 1, false_negative: 5}}",
            "A threshold is for two classes, and the label has 5; remove 'threshold'",
        ),
    ],
)
def test_what_is_for_two_classes_is_refused_for_more(
    spark, small_recipe_text, small_table, output, line, sentence
):
    text = small_recipe_text.replace("TABLE", str(small_table)).replace("metric: roc_auc", line)
    text = text.replace("from: delay > 30", "from: n")
    assert sentence in refused(spark, text, output)
