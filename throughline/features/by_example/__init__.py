"""Learning a text transformation from examples: a small language, its meanings and its search."""
