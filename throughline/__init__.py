"""Throughline carries a table from raw data to a served model, as one MLflow Project."""
