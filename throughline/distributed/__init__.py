"""Training a network on several workers: Horovod for the gradients, Petastorm for the data."""
