"""The command line: the environment it makes, and the commands it runs there."""
