"""HorovodRunner as Databricks Runtime ML has it, on open-source Horovod.

What it takes and does is that of its documentation: ``np`` above 0 starts as many processes as
tasks of Spark, below 0 as many on the driver; ``main`` goes to them by cloudpickle, with keyword
arguments only; what the first process returns comes back, of at most 4 MB. What is not in the
documentation is refused.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["HorovodRunner"]

_VERBOSITIES = ("all", "log_callback_only")
_MOST_BYTES = 4 * 2**20


class HorovodRunner:
    def __init__(self, *, np: int, driver_log_verbosity: str = "log_callback_only") -> None:
        if not isinstance(np, int) or np == 0:
            raise ValueError(f"np has to be a number of processes other than 0, not {np!r}")
        if driver_log_verbosity not in _VERBOSITIES:
            raise ValueError(f"driver_log_verbosity has to be one of {_VERBOSITIES}")
        self.num_processor = np
        self.driver_log_verbosity = driver_log_verbosity

    def run(self, main: Callable[..., Any], **kwargs: Any) -> Any:
        import cloudpickle

        if not callable(main):
            raise TypeError("main has to be a function")
        sent = cloudpickle.dumps((main, kwargs))

        def call() -> bytes:
            import cloudpickle

            function, arguments = cloudpickle.loads(sent)  # noqa: S301 (what was sent)
            return cloudpickle.dumps(function(**arguments))

        if self.num_processor > 0:
            import horovod.spark

            results = horovod.spark.run(call, num_proc=self.num_processor, verbose=0)
        else:
            import horovod

            results = horovod.run(call, num_proc=-self.num_processor, use_gloo=True)
        if len(results[0]) > _MOST_BYTES:
            raise ValueError("what main returns has to be smaller than 4 MB")
        return cloudpickle.loads(results[0])  # noqa: S301 (of this process's own workers)
