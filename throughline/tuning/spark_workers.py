"""Keeping Spark's Python workers alive between the trials of SparkTrials."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class LastingWorkers:
    """A Spark session for SparkTrials, whose tasks read all of their input.

    SparkTrials starts each trial as a task over one row, which the task does not read. Spark then
    ends the task's Python worker, since it cannot know where in its input the worker stopped; so
    every trial would start Python, import the libraries and read the table again. With the row
    read, a worker makes one trial after the other.

    Args:
        session: The session; everything but its context's ``parallelize`` is its own.
    """

    def __init__(self, session: "SparkSession") -> None:
        self._session = session
        self.sparkContext = _Context(session.sparkContext)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


class _Context:
    def __init__(self, context: Any) -> None:
        self._context = context

    def parallelize(self, *arguments: Any) -> Any:
        rows = self._context.parallelize(*arguments)
        by_part = rows.mapPartitions

        def reading_first(task: Any) -> Any:
            return by_part(lambda part: task(iter(list(part))))

        rows.mapPartitions = reading_first
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
