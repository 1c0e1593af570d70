import pytest

from tests.recipe.small import TEXT, refused
from throughline.recipe.file import parse_recipe

ROLLING = (
    "history:\n  - rolling: {of: x, by: [k], time: t, at: t, within: WITHIN, functions: [mean]}\n"
)


@pytest.mark.parametrize(
    ("written", "seconds", "name"),
    [("90m", 5400, "90m"), ("3h", 10800, "3h"), ("2 d", 172800, "2d"), ("45s", 45, "45s"),
     ("60m", 3600, "1h"), ("7200", 7200, "2h")],
)  # fmt: skip
def test_durations(written, seconds, name):
    rolling = parse_recipe(TEXT + ROLLING.replace("WITHIN", written)).history[0].rolling
    assert rolling.within == seconds
    assert rolling.output("mean") == f"x_mean_{name}_by_k"


@pytest.mark.parametrize("written", ["3 weeks", "h", "-3h", "0s", "true", "1.5h", "''"])
def test_refuses_what_is_no_duration(written):
    sentence = refused(TEXT + ROLLING.replace("WITHIN", written))
    assert sentence.startswith("The recipe my.yaml, line 19, at history.0.rolling.within: ")
