"""Throughline carries a table from raw data to a served model, as one MLflow Project."""

import os

# ONNX Runtime tells its maker what it runs, some seconds after it has begun, unless this is set
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

PARENT = os.getppid()
"""Who started this process, asked before anything slow is imported: it may be gone soon."""
