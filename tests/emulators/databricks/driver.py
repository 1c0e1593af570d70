"""What a cluster's driver does with a Python task: the script finds a session that runs already."""

import os
import runpy
import sys

from pyspark.sql import SparkSession

settings = {
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.warehouse.dir": os.path.join(os.getcwd(), "warehouse"),
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
builder = SparkSession.builder.master("local[2]").appName("Databricks Shell")
for key, value in settings.items():
    builder = builder.config(key, value)
builder.getOrCreate()

del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
