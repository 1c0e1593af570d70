"""What a chain leaves behind holds no secret of its environment."""

from tests.steps.conftest import SECRET, Project
from tests.steps.test_chain import Chain


def test_no_run_log_table_or_report_has_a_secret(project: Project, chain: Chain) -> None:
    assert SECRET not in chain.stdout + chain.stderr
    files = [path for path in project.folder.rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files}
    assert {".db", ".parquet", ".html", ".log", ".yaml"} <= kinds
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
