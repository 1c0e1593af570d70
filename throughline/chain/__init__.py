"""The chain of steps, and the backends that can run its steps."""
