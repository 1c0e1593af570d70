"""Scoring a table on Spark with a served model."""
