import pytest

from throughline.errors import UserError
from throughline.sources.formats import format_of


@pytest.fixture
def folder(tmp_path):
    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return str(tmp_path)

    return make


@pytest.mark.parametrize(
    ("file", "kind"),
    [("a b.csv", "csv"), ("t.csv.gz", "csv"), ("t.jsonl", "json"), ("t.json", "json"),
     ("deep/k=1/t.parquet", "parquet")],
)  # fmt: skip
def test_files_folders_and_globs(folder, file, kind):
    root = folder(file, "_SUCCESS", ".t.crc", "notes.txt")
    places = (root, f"{root}/{file}", f"{root}/*")
    for path in (*places, *(f"file://{place}" for place in places), f"file:{root}"):
        assert format_of(path) == kind


def test_a_folders_own_suffix_says_it(folder):
    root = folder("t.parquet/part-0")
    assert format_of(f"{root}/t.parquet") == format_of(f"{root}/t.parquet/*") == "parquet"


def test_of_a_uri_the_name_is_enough():
    assert format_of("s3://bucket/t.csv") == "csv"
    assert format_of("s3://bucket/folder/*.parquet") == "parquet"


def test_refuses_several_formats(folder):
    root = folder("a.csv", "b.parquet", "c.csv.gz")
    for path in (root, f"{root}/*", f"{root}/[ab].*"):
        with pytest.raises(UserError, match=r"several formats \(csv, parquet\); name those of one"):
            format_of(path)
    assert format_of(f"{root}/*.csv") == "csv"


def test_refuses_what_is_not_there_or_not_known(folder):
    root = folder("t.xlsx")
    for path, message in ((f"{root}/none.csv", "There is no table"), (root, "must end in one of")):
        with pytest.raises(UserError, match=message):
            format_of(path)


def test_a_delta_table_is_one_whatever_its_name(folder):
    root = folder("t.parquet/_delta_log/0.json", "t.parquet/part.parquet")
    assert format_of(f"{root}/t.parquet") == "delta"
    folder("u/_delta_log/0.json")
    assert format_of(f"file://{root}/u") == "delta"


def test_on_a_cluster_a_path_is_one_of_dbfs_as_to_spark(monkeypatch):
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "15.4")
    looked: list[str] = []
    monkeypatch.setattr("glob.glob", lambda path: looked.append(path) or [path])
    for path in ("/mnt/raw/t.parquet", "dbfs:/mnt/raw/t.parquet", "file:/dbfs/mnt/raw/t.parquet"):
        assert format_of(path) == "parquet"
    assert format_of("/Volumes/main/ml/files/t.parquet") == "parquet"
    assert looked == ["/dbfs/mnt/raw/t.parquet"] * 3 + ["/Volumes/main/ml/files/t.parquet"]
