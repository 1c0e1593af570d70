"""Where a worker computes: one GPU per process where there are GPUs, else the CPU."""

import contextlib

import torch

from throughline.distributed.group import Group
from throughline.errors import UserError
from throughline.models.keras_network import keras_on
from throughline.models.network_parameters import Library


def take_device(library: Library, group: Group, threads: int) -> torch.device:
    """Gives this process its GPU and its threads, before the library computes anything.

    Returns:
        Where batches of rows have to be; TensorFlow takes them from the CPU to its own device.

    Raises:
        UserError: There are fewer GPUs than workers here.
    """
    torch.set_num_threads(threads)
    if library == "tensorflow":
        _take_device_of_tensorflow(group, threads)
        return torch.device("cpu")
    if not torch.cuda.is_available():
        return torch.device("cpu")
    _check(torch.cuda.device_count(), group.local_rank)
    torch.cuda.set_device(group.local_rank)
    return torch.device("cuda", group.local_rank)


def _take_device_of_tensorflow(group: Group, threads: int) -> None:
    keras_on("tensorflow")
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        _check(len(gpus), group.local_rank)
    with contextlib.suppress(RuntimeError):  # it has computed in this process before
        if gpus:
            tf.config.set_visible_devices(gpus[group.local_rank], "GPU")
        if group.size > 1:  # a worker alone is no process of its own, and threads stay for good
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)


def _check(gpus: int, local_rank: int) -> None:
    if local_rank >= gpus:
        raise UserError(
            f"This machine has {gpus} GPUs, too few for its {local_rank + 1} workers or more; use "
            "one worker per GPU."
        )
