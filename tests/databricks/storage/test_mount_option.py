import pytest

from tests.databricks.storage.test_mounts import LAKE, RAW, mounts_of
from throughline.databricks.mount_option import MountOption, mounted
from throughline.errors import UserError
from throughline.recipe.file import parse_recipe

NAMED = "scope=storage,key=account-key"


@pytest.fixture
def recipe(small_recipe_text):
    tables = "{table: dbfs:/mnt/raw/rows.parquet, joins: [" + ", ".join(
        f"{{table: {table}, on: [id], how: left, prefix: {prefix}}}"
        for table, prefix in (("/mnt/raw/more/*.csv", "a_"), ("/mnt/raw2/x.csv", "b_"))
    )
    return parse_recipe(small_recipe_text.replace("{table: TABLE}", tables + "]}"))


def tables_of(recipe):
    return [recipe.source.table, *(join.table for join in recipe.source.joins)]


def test_off_databricks_tables_are_those_of_the_source(recipe):
    changed = mounted(recipe, f"/mnt/raw={RAW}/flights,{NAMED}")
    assert tables_of(changed) == [
        f"{RAW}/flights/rows.parquet",
        f"{RAW}/flights/more/*.csv",
        "/mnt/raw2/x.csv",
    ]
    assert changed.source.joins[0].prefix == "a_"


def test_a_folder_may_stand_for_the_mount_point(recipe):
    assert tables_of(mounted(recipe, "/mnt/raw=/data/raw/"))[0] == "/data/raw/rows.parquet"


def test_on_databricks_the_source_is_mounted(recipe, on_cluster):
    changed = mounted(recipe, f"/mnt/raw={RAW},{NAMED}")
    assert tables_of(changed)[:2] == ["dbfs:/mnt/raw/rows.parquet", "dbfs:/mnt/raw/more/*.csv"]
    assert mounts_of(on_cluster) == {"/mnt/raw": RAW}
    lake = f"/mnt/raw={LAKE},scope=storage,key=client-secret,client=client-id,tenant=tenant-id"
    mounted(recipe, lake)
    assert mounts_of(on_cluster) == {"/mnt/raw": LAKE}


@pytest.mark.parametrize("place", ["/Volumes/main/default/raw", "dbfs:/raw"])
def test_on_databricks_a_volume_is_not_mounted(recipe, on_cluster, place):
    assert tables_of(mounted(recipe, f"/mnt/raw={place}"))[0] == f"{place}/rows.parquet"
    assert mounts_of(on_cluster) == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("/mnt/raw", "The mount '/mnt/raw' is not understood; write mount=/mnt/raw=wasbs"),
        (f"raw={RAW}", "is not understood"),
        (f"{RAW}:/mnt/raw:storage:key", "is not understood"),
        ("/mnt/raw=", "is not understood"),
        (f"/mnt/raw={RAW}", "names no secret; write mount="),
        (f"/mnt/raw={RAW},scope=storage", "names no secret"),
        (f"/mnt/raw={RAW},scope=,key=x", "The mount's scope has no value"),
        (f"/mnt/raw={RAW},scop=storage,key=x", "The mount has 'scop'; did you mean 'scope'"),
        ("/mnt/raw=s3://bucket", "cannot be mounted; give wasbs"),
        ("/mnt/raw=wasbs://raw,scope=a,key=b", "is no place in Azure storage"),
        (f"/mnt/rows={RAW},{NAMED}", "No table of the recipe is below the mount point /mnt/rows"),
    ],
)
def test_a_bad_option_is_answered_with_one_sentence(recipe, text, sentence):
    with pytest.raises(UserError, match=sentence):
        mounted(recipe, text)


@pytest.mark.parametrize("before", ["", "/mnt/raw="])
def test_a_signature_is_not_shown(recipe, before):
    with pytest.raises(UserError) as told:
        mounted(recipe, f"{before}https://account.blob.core.windows.net/raw?sv=1&sig=c2VjcmV0")
    assert "c2VjcmV0" not in str(told.value)


def test_a_trailing_slash_does_not_matter():
    option = MountOption.parse(f"/mnt/raw/={RAW}/,{NAMED}")
    assert (option.mount_point, option.source) == ("/mnt/raw", RAW)
