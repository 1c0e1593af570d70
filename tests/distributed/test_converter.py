import pyarrow.parquet as pq
import pytest

from throughline.distributed.converter import converted
from throughline.distributed.process import launch
from throughline.distributed.shards import row_group_rows


@pytest.mark.slow
def test_a_network_learns_from_a_frame_of_spark(spark, parquet, make_job, tmp_path):
    rows = spark.read.parquet(str(parquet / "train"))
    with converted(spark, rows, str(tmp_path / "cache")) as uri:
        groups = row_group_rows(uri)
        assert sum(groups) == 4000
        assert len(groups) == 64
        types = pq.read_schema(next((tmp_path / "cache").rglob("*.parquet")))
        assert str(types.field("delay").type) == "double"  # a label keeps its digits
        result = launch(make_job(train=uri))
    assert result.history[-1].validation["accuracy"] > 0.85
    assert not list((tmp_path / "cache").rglob("*.parquet"))
    assert spark.conf.get("petastorm.spark.converter.parentCacheDirUrl", None) is None
