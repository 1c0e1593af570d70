import pyarrow as pa

from throughline.distributed.reader import open_reader
from throughline.distributed.shards import Span


def test_a_reader_gives_arrow_tables_of_the_wanted_columns(parquet, make_layout):
    spans = [Span(0, 0, 500), Span(4, 100, 350)]
    with open_reader(str(parquet / "train"), make_layout(), spans, epochs=1) as reader:
        tables = list(reader)
    assert all(isinstance(table, pa.Table) for table in tables)
    assert [table.num_rows for table in tables] == [500, 250]
    assert set(tables[0].column_names) == {
        *("temp (F)", "class", "wind", "origin", "carrier", "late")
    }
