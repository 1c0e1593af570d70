"""What a model card says about how to call the model."""

import json
import shlex

from throughline.models.family import Trained
from throughline.models.served import ServedModel
from throughline.models.signature import conform
from throughline.prepared import PreparedTable
from throughline.report.document import Section, Table


def use_section(table: PreparedTable, trained: Trained) -> Section:
    """A request to the endpoint, a call from Python, and the columns that a row has."""
    from mlflow.models import convert_input_example_to_serving_input

    rows = conform(table.example(), table.plan.inputs)
    request = json.dumps(json.loads(str(convert_input_example_to_serving_input(rows))))
    name = table.recipe.name
    code = (
        "curl http://127.0.0.1:5055/invocations -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(request)}\n\n"
        f"# Python, once it is champion; a registry without aliases has models:/{name}/Production\n"
        "import mlflow.pyfunc\n"
        f'mlflow.pyfunc.load_model("models:/{name}@champion").predict(rows)'
    )
    columns = tuple(
        (column.name, column.type, "may be absent" if column.optional else "")
        for column in table.plan.inputs
    )
    answer = ServedModel(table.plan, trained.estimator).predict(rows)
    outputs = ", ".join(str(name) for name in answer.columns)
    return Section(
        "How to call it",
        (f"It answers each row with {outputs}. Moments are in UTC.",),
        code=code,
        table=Table(("column of a row", "type", ""), columns, texts=3),
    )
