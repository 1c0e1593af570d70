"""The small model of the tests of deployment, saved as a version of it is."""

from pathlib import Path

MODEL = "late-test"
VERSIONS = {
    "1": {"shift": -1.0},
    "2": {"shift": 1.0},
    "3": {"shift": 0.0, "dies": True},
}
"""Versions by number, and what each is configured to do."""


def save_model(folder, run_id, config):
    """Saves a version of the small model."""
    import mlflow
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    columns = [
        ("string", "carrier", True),
        ("long", "distance", True),
        ("double", "wind", False),
        ("datetime", "time_hour", False),
    ]
    inputs = Schema([ColSpec(kind, name, required=must) for kind, name, must in columns])
    hour = pd.Timestamp("2013-10-01T05:00:00")
    example = pd.DataFrame(
        {"carrier": ["UA", "AA"], "distance": [1400, 200], "wind": [3.5, None], "time_hour": hour}
    )
    mlflow.pyfunc.save_model(
        str(folder),
        mlflow_model=mlflow.models.Model(run_id=run_id),
        python_model=str(Path(__file__).with_name("late_model.py")),
        signature=ModelSignature(inputs=inputs),
        input_example=example,
        model_config=config,
        pip_requirements=["mlflow"],
    )
