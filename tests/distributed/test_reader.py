import pyarrow as pa

from throughline.distributed.reader import open_reader


def test_a_reader_gives_arrow_tables_of_the_wanted_columns(prepared, make_layout):
    with open_reader(str(prepared / "train"), make_layout(), 0, 4, epochs=1) as reader:
        tables = list(reader)
    assert all(isinstance(table, pa.Table) for table in tables)
    assert [table.num_rows for table in tables] == [500, 500]
    assert set(tables[0].column_names) == {
        *("temp (F)", "class", "wind", "origin", "carrier", "late")
    }
