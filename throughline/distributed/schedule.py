"""The learning rate of a step."""


def learning_rate(rate: float, workers: int, step: int, warmup_steps: float) -> float:
    """Returns the rate of a step: one worker's times the number of workers, after a warm-up.

    With ``workers`` batches in a step the rate grows linearly with them, and is reached in a
    linear warm-up from one worker's rate: P. Goyal et al., "Accurate, Large Minibatch SGD",
    arXiv:1706.02677, 2017, sections 2.1 and 2.2.

    Args:
        rate: The rate for one worker.
        workers: The number of workers.
        step: The number of the step over all epochs, from 0.
        warmup_steps: The steps of the warm-up; 0 for none.
    """
    done = min(1.0, (step + 1) / warmup_steps) if warmup_steps > 0 else 1.0
    return rate * (1 + (workers - 1) * done)
