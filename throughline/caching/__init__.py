"""Which work is done already: the key of a step, and the finished run that has the same."""
