import re

from throughline.report.document import Document, Picture, Section, Table, as_html, as_markdown

PNG = b"\x89PNG not really"
TABLE = Table(("what | where", "n"), (("a_b *c*", "1"), ("_x", "2")), best=frozenset({(1, 1)}))
DOCUMENT = Document(
    "A <title>",
    "About\nit.",
    (
        Section("One", text=("5 > 3",), items=("first", "second"), code="x = '<y>'"),
        Section("Two", table=TABLE, pictures=(Picture("pictures/p.png", "What it shows"),)),
    ),
)


def test_markdown_shows_text_as_it_is():
    assert as_markdown(DOCUMENT) == (
        "# A \\<title\\>\n\nAbout it.\n\n## One\n\n5 \\> 3\n\n- first\n- second\n\n"
        "````\nx = '<y>'\n````\n\n## Two\n\n"
        "| what \\| where | n |\n| --- | ---: |\n| a_b \\*c\\* | 1 |\n| \\_x | **2** |\n\n"
        "![What it shows](pictures/p.png)\n"
    )


def test_html_has_everything_inside(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/p.png").write_bytes(PNG)
    page = as_html(DOCUMENT, tmp_path)
    assert "<h1>A &lt;title&gt;</h1>" in page
    assert "<li>second</li>" in page and "x = &#39;&lt;y&gt;&#39;" in page
    assert re.search(r'<td class="number best">2</td>', page)
    assert page.count('src="data:image/png;base64,') == 1
    assert ".scroll { overflow-x: auto; }" in page
