"""The data contract: what the training rows were like, and whether other rows are like them."""
