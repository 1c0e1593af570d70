"""The recipe: what it may say, how it is read, and its schema."""
