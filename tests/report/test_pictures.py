import warnings

import pytest

from throughline.report.pictures import draw_distributions, draw_missing
from throughline.report.style import short

PNG = b"\x89PNG"


def test_odd_names_and_values_are_drawn_without_a_word(odd_columns, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_distributions(odd_columns, "a title with a $", tmp_path / "distributions.png")
        draw_missing(odd_columns, odd_columns[:2], tmp_path / "missing.png")
    assert all(path.read_bytes().startswith(PNG) for path in tmp_path.iterdir())


def test_extreme_numbers_are_drawn(column, tmp_path):
    values = [float(f"{sign}1e{power}") for sign in ("", "-") for power in range(-300, 309, 20)]
    columns = [
        column("wide", [*values, float("inf")], values),
        column("far", [v * 1e15 for v in range(50)], [9e15], "timestamp"),
        column("nothing", [None] * 3, [None]),
    ]
    draw_distributions(columns, "extremes", tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(PNG)


def test_the_greatest_drift_goes_first_and_the_picture_is_bounded(column, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "throughline.report.pictures.draw_panel", lambda axes, column: drawn.append(column.name)
    )
    columns = [column(f"c{i}", [0.0, 1.0] * 50, [0.0] * i + [1.0] * 10) for i in range(10)]
    draw_distributions(columns, "", tmp_path / "x.png", most=3)
    assert drawn == ["c0", "c1", "c2"]


def test_nothing_to_draw_is_an_empty_picture(tmp_path):
    draw_distributions([], "", tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("short", "short"),
        ("exact name", "exact name"),
        ("abcdefghijklmnop", "abcd…mnop"),
        ("时间时间时间时间", "时间…时间"),
        ("a\nb\x00", "a b"),
        ("", ""),
    ],
)
def test_long_names_lose_their_middle(name, shown):
    assert short(name, 10) == shown
