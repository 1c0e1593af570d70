"""Where TensorFlow computes in a worker: one GPU per process where there are GPUs, else the CPU."""

import contextlib
import os

from throughline.errors import UserError


def take_device(local_rank: int, threads: int) -> None:
    """Gives this process its GPU and its threads, before TensorFlow computes anything.

    In a process where it has computed already, they stay as they are.

    Raises:
        UserError: There are fewer GPUs than workers here.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # else it tells of every instruction set
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus and local_rank >= len(gpus):
        raise UserError(
            f"This machine has {len(gpus)} GPUs, too few for its {local_rank + 1} workers or more; "
            "use one worker per GPU."
        )
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        if gpus:
            tf.config.set_visible_devices(gpus[local_rank], "GPU")
            tf.config.experimental.set_memory_growth(gpus[local_rank], True)


def device_name() -> str:
    """``cpu``, or the GPU's name."""
    import tensorflow as tf

    for gpu in tf.config.get_visible_devices("GPU"):
        return str(tf.config.experimental.get_device_details(gpu)["device_name"])
    return "cpu"
