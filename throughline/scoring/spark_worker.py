"""What Spark's Python workers do to score rows; it brings all its code along."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

Batches = Iterable["pa.RecordBatch"]
Scorer = Callable[[Batches], Batches]


def scorer(archive: str, served: str, answers: Mapping[str, str]) -> Scorer:
    """The function for ``mapInArrow``: adds a model's answers to batches of raw rows.

    A worker has none of this project's code: the functions below travel whole, and the model is
    loaded with the code it brings along, with which its endpoint answers too. A worker that scores
    several batches loads it once.

    Args:
        archive: The name of the model's archive among the files of the Spark application.
        served: The folder of the served model in it.
        answers: The columns that it answers with, and their types.
    """

    def model_code() -> Any:
        import importlib
        import os
        import sys

        from pyspark import SparkFiles

        folder = SparkFiles.get(archive)
        code = os.path.join(folder, "code")
        loaded = sys.modules.get("throughline.models.served")
        if loaded is None or not str(loaded.__file__).startswith(code):
            for name in [n for n in sys.modules if n.split(".")[0] == "throughline"]:
                del sys.modules[name]  # of another model, or of a checkout
            sys.path.insert(0, code)
            os.environ.setdefault("POLARS_MAX_THREADS", "1")  # there is a worker per core
            loaded = importlib.import_module("throughline.models.served")
        return loaded, folder

    def model() -> Any:
        from pathlib import Path

        code, folder = model_code()
        if not hasattr(code, "worker_model"):  # kept as long as its code
            code.worker_model = code.ServedModel.load(Path(folder, served))
        return code.worker_model

    def score(batches: "Iterable[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        import pyarrow as pa

        types = {"double": pa.float64(), "long": pa.int64(), "string": pa.string()}
        loaded = model()
        for batch in batches:
            answer = loaded.answer(loaded.score_batch(batch))
            made = [pa.array(answer[name], types[kind]) for name, kind in answers.items()]
            names = [*batch.schema.names, *answers]
            yield pa.RecordBatch.from_arrays([*batch.columns, *made], names=names)

    return score
