import gzip

import pytest

from throughline.errors import UserError
from throughline.sources.tables import read_table


@pytest.fixture
def read(spark, tmp_path):
    def read(text, name="t.jsonl"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_table(spark, str(tmp_path / name), str(tmp_path))

    return read


def test_text_stays_text_unless_it_is_moments(read):
    lines = [
        '{"zip": "01067", "year": "2013", "at": "2013-01-01T05:00:00Z", "a.b": 1}',
        '{"zip": "10115", "year": "2014", "at": "2013-01-02", "a.b": 2.5}',
        '{"zip": null}',
    ]
    found = read("\n".join(lines))
    types = {"a_b": "double", "at": "timestamp", "year": "string", "zip": "string"}
    assert dict(found.dtypes) == types
    assert [row.zip for row in found.collect()] == ["01067", "10115", None]


def test_numbers_only_and_packed(read):
    assert [tuple(row) for row in read(gzip.compress(b'{"x": 1}\n'), "t.json.gz").collect()] == [
        (1,)
    ]


@pytest.mark.parametrize("text", ['[\n {"x": 1},\n {"x": 2}\n]\n', '{"x": 1}\nx\n'])
def test_refuses_what_is_not_one_object_per_line(read, text):
    with pytest.raises(UserError, match=r"t\.jsonl is not JSON lines"):
        read(text)
