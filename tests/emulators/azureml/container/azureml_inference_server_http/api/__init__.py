"""What an entry script may import."""
