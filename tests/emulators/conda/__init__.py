"""A conda command for machines without one: solved, installed and activated by py-rattler.

It speaks what ``mlflow run --env-manager conda`` and conda-lock call, and ends with code 2 at any
other verb or option. ``installation.py`` lays it out as a conda installation is.
"""
