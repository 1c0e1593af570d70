"""What a machine does while it trains, as MLflow's system metrics."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS = 5.0


@contextmanager
def system_metrics(run_id: str | None, *, of_node: bool = False) -> Iterator[None]:
    """In the block, logs this machine's CPU, memory, disk and network to a run, every 5 s.

    Args:
        run_id: The run; None for no logging.
        of_node: Whether the metrics' names say which machine it is, of several.
    """
    if run_id is None:
        yield
        return
    import mlflow

    if mlflow.environment_variables.MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.get():
        yield
        return
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    node = socket.gethostname() if of_node else None
    monitor = SystemMetricsMonitor(
        run_id, sampling_interval=_SECONDS, samples_before_logging=1, node_id=node
    )
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
        # MLflow forgets what it measured since it last logged: all, where the block was short.
        monitor.collect_metrics()
        monitor.publish_metrics(monitor.aggregate_metrics())
        monitor.mlflow_logger.flush()
