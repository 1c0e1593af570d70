"""Balancing the classes of the prepared training rows."""
