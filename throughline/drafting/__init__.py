"""Drafting a recipe for a table: what its columns are, and what one would do with them."""
