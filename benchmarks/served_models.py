"""The models that ``serving.py`` measures, and requests for them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from throughline.prepared import PreparedTable

BATCH = 1_000_000
SPARK_TREES = {"maxIter": 20, "maxDepth": 5}


@dataclass(frozen=True)
class Models:
    """Models in a folder, all trained on one prepared table.

    Attributes:
        root: The folder.
        table: The prepared table.
        paths: The folder of each model: ``xgboost`` and ``spark_gbt`` as they are served here,
            ``spark_flavor`` (the same trees in MLflow's own), ``scikit_learn``.
    """

    root: Path
    table: "PreparedTable"
    paths: dict[str, str]

    @property
    def rows(self) -> int:
        """How many rows they were trained on."""
        return int(self.table.rows["train"])

    def path(self, name: str) -> Path:
        """A model's folder."""
        return Path(self.paths[name])

    def served(self, name: str) -> Path:
        """The plan and estimator in a model's folder."""
        return self.path(name) / "artifacts/served"

    def requests(self, count: int) -> "pd.DataFrame":
        """Raw test rows as a request carries them, repeated if there are too few."""
        from throughline.models.signature import conform

        rows = conform(self.table.raw_rows("test"), self.table.plan.inputs)
        return rows.sample(count, replace=count > len(rows), random_state=7, ignore_index=True)

    def body(self, count: int) -> bytes:
        """Such rows as the body of a request."""
        from throughline.deployment.smoke import as_request

        return json.dumps(as_request(self.requests(count))).encode()

    def prepared_body(self) -> bytes:
        """One prepared row, which is what the Spark flavor takes: it has no plan."""
        columns = self.table.columns("test")
        names = [feature.name for feature in self.table.layout.features]
        row = [columns[name][0].item() for name in names]
        return json.dumps({"dataframe_split": {"columns": names, "data": [row]}}).encode()

    def numbers_body(self) -> bytes:
        """The numbers of one raw row, which is what the scikit-learn model takes."""
        return json.dumps({"dataframe_split": _numbers(self.requests(1)).to_dict("split")}).encode()

    def scikit_learn_call(self) -> Callable[[], Any]:
        """A call of the scikit-learn model on one row, in this process."""
        import mlflow.sklearn

        model = mlflow.sklearn.load_model(str(self.path("scikit_learn")))
        row = _numbers(self.requests(1))
        return lambda: model.predict(row)

    def replicated_requests(self) -> str:
        """A table of ``BATCH`` raw rows, in the files that two cores share."""
        import polars as pl

        folder = self.root / "requests"
        if not folder.exists():
            folder.mkdir()
            moments = pl.col(pl.Datetime).cast(pl.Datetime("us", "UTC"))  # Spark has no nanoseconds
            rows = pl.from_pandas(self.requests(BATCH // 8)).with_columns(moments)
            for number in range(8):
                rows.write_parquet(folder / f"{number}.parquet")
        return str(folder)


def made_models(root: Path, fraction: float) -> Models:
    """Prepares the flights and trains the models, or takes those that the folder has."""
    from throughline.outputs import Output
    from throughline.preparation import prepare
    from throughline.prepared import PreparedTable
    from throughline.recipe.file import load_recipe
    from throughline.spark import session

    root.mkdir(parents=True, exist_ok=True)
    output, made = Output(str(root / "prepared")), root / "models.json"
    if not output.exists():
        recipe = load_recipe("recipes/flights.yaml", "none")
        prepare(session(), recipe, output, str(root), fraction=fraction)
    table = PreparedTable.open(output.uri)
    if not made.exists():
        made.write_text(json.dumps(_trained(root, table)))
    return Models(root, table, json.loads(made.read_text()))


def _trained(root: Path, table: "PreparedTable") -> dict[str, str]:
    import mlflow
    from mlflow.artifacts import download_artifacts

    from throughline.candidate import log_candidate
    from throughline.models.families import FAMILIES

    mlflow.set_tracking_uri(f"sqlite:///{root.resolve()}/mlflow.db")
    experiment = mlflow.create_experiment("serving", (root / "artifacts").resolve().as_uri())
    paths = {"scikit_learn": _scikit_learn(root, table)}
    for family, parameters in (("xgboost", {}), ("spark_gbt", SPARK_TREES)):
        with mlflow.start_run(experiment_id=experiment) as run:
            trained = FAMILIES[family].train(table, parameters)
            paths[family] = download_artifacts(log_candidate(table, trained, family).model_uri)
    paths["spark_flavor"] = download_artifacts(f"runs:/{run.info.run_id}/native")
    return paths


def _scikit_learn(root: Path, table: "PreparedTable") -> str:
    """A logistic regression of the raw numbers, saved as MLflow's users do."""
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    raw = table.raw_rows("train", 20_000)
    rows = _numbers(raw[[column.name for column in table.plan.inputs]])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, table.labels_of(raw))
    path = root / "scikit-learn"
    mlflow.sklearn.save_model(
        model,
        path,
        signature=infer_signature(rows, model.predict(rows)),
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
    )
    return str(path)


def _numbers(rows: "pd.DataFrame") -> "pd.DataFrame":
    return rows.select_dtypes("number").astype("float64").fillna(0.0)
