"""Which rows are for training, for validation and for testing, and the folds of a training row."""
