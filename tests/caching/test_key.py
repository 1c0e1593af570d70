"""Keys: equal values give equal keys, and two keys tell in what they differ."""

from hypothesis import given
from hypothesis import strategies as st

from throughline.caching.key import Key, typed_values

DECLARED = {
    "fraction": {"type": "float", "default": 1.0},
    "epochs": {"type": "int", "default": 10},
    "workers": {"type": "string", "default": 2},
    "table": "string",
}


def test_equal_values_written_otherwise_are_equal() -> None:
    ways = [0.1, "0.1", "0.10", "1e-1", ".1"]
    assert len({typed_values({"fraction": way}, DECLARED)["fraction"] for way in ways}) == 1
    assert typed_values({"epochs": "10"}, DECLARED) == typed_values({}, DECLARED)
    assert typed_values({"workers": "2"}, DECLARED) == typed_values({"workers": 2}, DECLARED)
    assert typed_values({"table": "007"}, DECLARED)["table"] == "007"
    assert "table" not in typed_values({}, DECLARED)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**9), 10**9))
def test_a_number_and_its_text_are_equal(fraction: float, epochs: int) -> None:
    typed = typed_values({"fraction": fraction, "epochs": epochs}, DECLARED)
    text = {"fraction": str(fraction), "epochs": f" {epochs} "}
    assert typed_values(text, DECLARED) == typed


PARTS = st.dictionaries(
    st.sampled_from(["parameters", "recipe", "code"]),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"), min_size=1),
)


@given(PARTS, PARTS)
def test_the_digest_is_of_everything(one: dict, other: dict) -> None:
    first, second = Key("prep", one), Key("prep", other)
    assert (first.digest == second.digest) == (one == other) == (not first.differences(other))
    assert first.digest != Key("train", one).digest


def test_differences_are_told_by_part_and_name() -> None:
    key = Key(
        "train", {"recipe": {"models": "a", "metric": "m"}, "code": dict.fromkeys("abcde", "1")}
    )
    before = {"recipe": {"models": "b", "metric": "m"}, "code": {}, "data": {"x.csv": "1"}}
    assert key.differences(before) == (
        "recipe changed: models; code changed: a, b, c and 2 more; data changed: x.csv"
    )


def test_the_code_is_named_with_its_environment_and_nothing_else() -> None:
    parts = {"code": {"a.py": "1"}, "environment": {"lock": "2"}, "recipe": {"metric": "m"}}
    named = Key("tune", parts).code
    assert Key("tune", {**parts, "recipe": {"metric": "n"}}).code == named
    assert Key("tune", {**parts, "code": {"a.py": "2"}}).code != named
    assert Key("tune", {**parts, "environment": {"lock": "3"}}).code != named
