import narwhals as nw
import polars as pl
import pytest

from throughline.features.native import Expressions

FRAME = pl.DataFrame({"x": [1.5, None, -2.0], "c": ["a", None, "b"], "n": [1, 2, 3]})


@pytest.mark.parametrize(
    "expression",
    [
        nw.lit(0, dtype=nw.Int32).alias("zero"),
        (nw.col("x") * 2 + nw.col("n")).alias("sum"),
        nw.col("x", "n").cast(nw.Float64).fill_null(0.0),
        nw.when(nw.col("c") == "a").then(nw.lit(1)).otherwise(nw.col("n")).alias("chosen"),
        nw.coalesce(nw.col("x"), nw.col("n").cast(nw.Float64)).alias("first"),
        nw.concat_str(nw.col("c"), nw.col("n").cast(nw.String), separator=" & ").alias("text"),
        nw.col("c").replace_strict(["a", "b"], [0, 1], default=2, return_dtype=nw.Int32),
        nw.col("c").is_null().alias("missing"),
    ],
)
def test_polars_computes_what_narwhals_does(expression):
    wanted = nw.from_native(FRAME).with_columns(expression).to_native()
    found = Expressions([expression]).added_to(nw.from_native(FRAME)).to_native()
    assert found.equals(wanted)


def test_chooses_its_columns_after_those_to_keep():
    doubled = Expressions([(nw.col("x") * 2).alias("doubled")])
    found = doubled.chosen_from(nw.from_native(FRAME), ["n"]).to_native()
    assert found.to_dict(as_series=False) == {"n": [1, 2, 3], "doubled": [3.0, None, -4.0]}
