import pyarrow.parquet as pq
import pytest

from throughline.errors import UserError
from throughline.sources.samples import sample_as_parquet
from throughline.sources.sklearn_samples import TABLES, sklearn_table


@pytest.mark.parametrize(
    ("name", "rows", "columns", "targets"),
    [
        ("wine", 178, 15, {"class_0", "class_1", "class_2"}),
        ("iris", 150, 6, {"setosa", "versicolor", "virginica"}),
        ("breast_cancer", 569, 32, {"malignant", "benign"}),
    ],
)
def test_a_classifications_target_is_the_classs_name(name, rows, columns, targets):
    table = sklearn_table(name)
    assert table.shape == (rows, columns)
    assert set(table["target"]) == targets
    assert table["row"].is_unique


def test_the_names_match_the_classes():
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    malignant = sklearn_table("breast_cancer")["target"] == "malignant"
    assert malignant.sum() == (found.target == list(found.target_names).index("malignant")).sum()


def test_diabetes_is_a_regression_in_its_own_units():
    table = sklearn_table("diabetes")
    assert table["age"].between(18, 100).all()
    assert table["target"].dtype == float
    assert set(table["sex"]) == {1, 2}


def test_names_are_plain():
    assert "sepal length" in sklearn_table("iris").columns
    assert "alcohol" in sklearn_table("wine").columns


@pytest.mark.parametrize("name", TABLES)
def test_is_written_once(tmp_path, name):
    path = sample_as_parquet(f"sample:sklearn/{name}", tmp_path)
    before = path.stat().st_mtime_ns
    assert sample_as_parquet(f"sample:sklearn/{name}", tmp_path) == path
    assert path.stat().st_mtime_ns == before
    assert pq.read_table(path).num_rows == len(sklearn_table(name))


def test_refuses_another_table(tmp_path):
    with pytest.raises(UserError, match="not in the package; did you mean 'wine'"):
        sample_as_parquet("sample:sklearn/wines", tmp_path)
