import math
import random

import narwhals as nw
import polars as pl
import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.embed import Embed, FittedEmbed
from throughline.features.word_vectors import WordVectors, words_of

VECTORS = WordVectors(
    words=("blue", "red", "σας", "时间", "x1"),
    vectors=((1.0, 10.0), (3.0, 0.1), (5.0, 0.2), (7.0, 0.3), (9.0, 0.4)),
    mean=(5.0, 2.2),
)
TEXTS = ["red", "Red, blue!", "RED grün", "时间/x1;σας ΣΑΣ", "  ", "", None, "—", "a.b red RED red"]


def nearness(one, other):
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / math.hypot(*one) / math.hypot(*other)


def test_a_text_is_the_mean_of_its_words(both):
    fitted = FittedEmbed(column="a b", whole=False, vectors=VECTORS)
    fitted = FittedEmbed.model_validate_json(fitted.model_dump_json())
    found = both.apply(fitted, {"a b": TEXTS})
    first = [3.0, 2.0, 4.0, 26 / 4, 5.0, 5.0, 5.0, 5.0, 19 / 5]
    assert found["a b_embed_0"] == pytest.approx(first)
    assert found["a b_embed_1"][:3] == pytest.approx([0.1, 5.05, 1.15])
    assert found["a b"] == TEXTS
    assert fitted == FittedEmbed.model_validate_json(fitted.model_dump_json())  # once it was used


def test_a_value_is_its_own_vector(both):
    fitted = FittedEmbed(column="c", whole=True, vectors=VECTORS)
    found = both.apply(fitted, {"c": ["red", "Red", "red blue", None, "时间"]})
    assert found["c_embed_0"] == [3.0, 5.0, 5.0, 5.0, 7.0]
    assert found["c_embed_1"] == [0.1, 2.2, 2.2, 2.2, 0.3]


def test_no_rows():
    for whole in (True, False):
        empty = nw.from_native(pl.DataFrame({"c": []}, schema={"c": pl.String}))
        fitted = FittedEmbed(column="c", whole=whole, vectors=VECTORS)
        assert fitted.apply(empty).to_native().columns == ["c", "c_embed_0", "c_embed_1"]


def test_both_engines_split_the_same(both, spark):
    texts = [
        "É-e\u0301 ÅNGSTRÖM",
        "İstanbul Iğdır",
        "ΟΔΟΣ Οδός σ'ς",
        "हिन्दी ไทย",
        "A1_b2 ½ ² Ⅻ",
        "ǅ ß ẞ",
    ]
    words = [word for text in texts for word in split_on_polars(text)]
    vectors = WordVectors(
        words=tuple(dict.fromkeys(words)),
        vectors=tuple((float(i), 1.0) for i in range(len(dict.fromkeys(words)))),
        mean=(-100.0, 1.0),
    )
    found = both.apply(FittedEmbed(column="t", whole=False, vectors=vectors), {"t": texts})
    assert min(found["t_embed_0"]) >= 0
    rows = spark.createDataFrame([(i, t) for i, t in enumerate(texts)], "i int, t string")
    on_spark = [row[0] for row in rows.orderBy("i").select(words_of("t")).collect()]
    assert on_spark == [split_on_polars(text) for text in texts]
    assert on_spark[0] == ["é", "e\u0301", "ångström"]
    assert on_spark[4] == ["a1", "b2", "½", "²", "ⅻ"]


def split_on_polars(text):
    from throughline.features import word_vectors as wv

    series = pl.Series([text]).str.to_lowercase().str.replace_all("ς", "σ")
    return series.str.extract_all(wv._WORD).to_list()[0]


def test_many_words_are_found_again(both):
    draw = random.Random(5)  # noqa: S311
    words = [f"w{i}" for i in range(300)]
    vectors = WordVectors(
        words=tuple(words),
        vectors=tuple((float(i), draw.gauss(0, 1)) for i in range(300)),
        mean=(1000.0, 0.0),
    )
    found = both.apply(FittedEmbed(column="t", whole=False, vectors=vectors), {"t": words})
    assert found["t_embed_0"] == [float(i) for i in range(300)]


FRUIT, TOOLS = ["apple", "pear", "plum"], ["saw", "drill", "axe"]


def sentences(count):
    draw = random.Random(1)  # noqa: S311
    return [" ".join(draw.choices(draw.choice([FRUIT, TOOLS]), k=8)) for _ in range(count)]


def test_words_that_stand_together_are_near(both):
    op = Embed(column="t", size=4, iterations=10)
    texts = [*sentences(300), None, "once only"]
    fitted = both.fit(op, {"t": texts})
    assert set(fitted.vectors.words) == {*FRUIT, *TOOLS}
    of = dict(zip(fitted.vectors.words, fitted.vectors.vectors, strict=True))
    assert nearness(of["apple"], of["pear"]) > nearness(of["apple"], of["saw"]) + 0.3
    assert fitted.vectors.mean == pytest.approx(
        [sum(v) / 6 for v in zip(*of.values(), strict=True)]
    )
    assert "vectors of 6 words (apple, axe, drill, pear, plum, ...)" in fitted.describe()["t"]
    assert both.fit(op, {"t": texts}) == fitted
    assert both.fit(op, {"t": texts[::-1]}) == fitted
    assert both.fit(op.model_copy(update={"seed": 8}), {"t": texts}) != fitted


def test_values_that_follow_each_other_are_near(both):
    draw = random.Random(2)  # noqa: S311
    columns = {"dest": [], "tail.`num": [], "at": []}
    for plane in range(60):
        for at in range(12):
            columns["dest"].append(draw.choice([FRUIT, TOOLS][plane % 2]))
            columns["tail.`num"].append(f"N{plane}" if at else None)
            columns["at"].append(at)
    order = list(range(720))
    draw.shuffle(order)
    shuffled = {name: [values[i] for i in order] for name, values in columns.items()}
    op = Embed(column="dest", sequence_by="tail.`num", order_by="at", size=4, iterations=10)
    fitted = both.fit(op, columns)
    assert fitted.whole
    assert both.fit(op, shuffled) == fitted
    of = dict(zip(fitted.vectors.words, fitted.vectors.vectors, strict=True))
    assert nearness(of["apple"], of["pear"]) > nearness(of["apple"], of["saw"]) + 0.3
    assert op.applies_to() == ["dest"]
    found = both.apply(fitted, {"dest": ["apple", "never"]})
    assert found["dest_embed_0"] == [of["apple"][0], fitted.vectors.mean[0]]


def test_one_word_is_enough(both):
    fitted = both.fit(Embed(column="t", size=2, min_count=1), {"t": ["a", "A a"]})
    assert fitted.vectors.words == ("a",)
    assert fitted.vectors.mean == fitted.vectors.vectors[0]


def test_refuses_what_it_cannot_learn(both, monkeypatch):
    op = Embed(column="t", min_count=3)
    for texts in (["a", "a b", None], [None, None], ["", "."]):
        with pytest.raises(UserError, match="embed found no value of 't'.*3 times or more.*lower"):
            both.fit(
                op, {"t": both.serving({"t": texts}, {"t": "string"})["t"].to_list()}, t="string"
            )
    monkeypatch.setattr("throughline.features.embed._MOST_WORDS", 1)
    with pytest.raises(UserError, match="embed found 2 words of 't'.*raise its min_count"):
        both.fit(op, {"t": ["a b"] * 3})


def test_refuses_numbers_and_half_a_sequence():
    with pytest.raises(UserError, match="embed cannot read the column 'n'.*kind number"):
        Embed(column="n").check({"n": "number"})
    with pytest.raises(UserError, match="reads the column 'plane', which is not in the table"):
        Embed(column="c", sequence_by="plane", order_by="t").check({"c": "text", "t": "time"})
    with pytest.raises(ValidationError, match="go together"):
        Embed(column="c", sequence_by="plane")
    assert Embed(column="c", size=2).check({"c": "text"}) == {
        "c": "text",
        "c_embed_0": "number",
        "c_embed_1": "number",
    }
