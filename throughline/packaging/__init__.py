"""The variants of the project for other places, made from its MLproject and its lock."""
