"""Searching for parameters: by trials with Hyperopt or Optuna, or over a grid with Spark ML."""
