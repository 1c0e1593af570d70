"""Preparation ops: what they learn on Spark, and how they apply on any engine."""
