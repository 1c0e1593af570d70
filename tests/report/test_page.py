import re
from html.parser import HTMLParser

import pytest

from throughline.features.layout import Feature, Layout
from throughline.features.one_hot import FittedOneHot
from throughline.features.plan import Input, Origin, Plan
from throughline.recipe.file import parse_recipe
from throughline.report.page import Findings, render, share


@pytest.fixture
def findings(odd_columns, small_recipe_text):
    script = odd_columns[0].name
    layout = Layout(
        features=tuple(Feature(name=c.name, kind="numeric") for c in odd_columns),
        label="late",
        task="classification",
        classes=("<no>", "yes"),
    )
    plan = Plan(
        inputs=(Input(name=script, type="double"),),
        ops=(FittedOneHot(known={script: ["<b>", "&"]}),),
        layout=layout,
        origins={script: Origin(columns=("<raw>",), ops=("fill", "one_hot"))},
    )
    rows = {kind: {"train": 1234, "validation": 5, "test": 6} for kind in ("raw", "prepared")}
    label = [("<no>", ["1 (50.0%)"] * 3)]
    recipe = parse_recipe(small_recipe_text)
    return Findings(recipe, plan, rows, label, odd_columns, odd_columns)


class Checked(HTMLParser):
    """Collects the text and the tags, and sees that all that opens is closed."""

    VOID = ("meta", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_escaped_and_needs_nothing_else(findings, tmp_path):
    picture = tmp_path / "x.png"
    picture.write_bytes(b"\x89PNG...")
    html = render(findings, {"<Missing>": picture})
    page = Checked()
    page.feed(html)
    assert page.open == []
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "raw", "no"}
    for column in findings.raw:
        assert " ".join(column.name.split()) in " ".join(page.text.split())
    assert all(word in page.text for word in ("<raw>", "fill, one_hot", "<no>", "1,234"))
    sources = [found["src"] for tag, found in page.tags if tag == "img"]
    assert [source[:22] for source in sources] == ["data:image/png;base64,"]
    assert not re.search(r"https?://", html)
    assert all(found["href"].startswith("#") for tag, found in page.tags if tag == "a")


def test_the_page_tells_roles_drift_and_what_was_learnt(findings):
    html = render(findings, {})
    assert "2 categories (&lt;b&gt;, &amp;), one more for the rest" in html
    assert ">input<" in html
    assert ">not used<" in html
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (1, "100.0%"), (0.0004, "<0.1%"), (0.123, "12.3%")]
)
def test_a_small_share_does_not_look_like_nothing(value, shown):
    assert share(value) == shown
