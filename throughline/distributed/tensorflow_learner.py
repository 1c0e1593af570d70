"""A network of Keras on TensorFlow, changed by AdamW with the mean of the workers' gradients.

It follows Horovod's recipe for TensorFlow 2 (https://horovod.readthedocs.io/en/stable/tensorflow.html),
except that the gradients are averaged by ``grouped_allreduce`` beside the tape. Horovod's
``DistributedGradientTape`` does that inside; apart, the wait for other workers can be told.
"""

import time
from typing import Any

import torch

from throughline.distributed.group import Group
from throughline.distributed.job import TrainingJob
from throughline.distributed.learner import Step
from throughline.errors import UserError
from throughline.models.keras_network import keras_on, loss_of
from throughline.models.network_batch import Batch
from throughline.models.task_network import TaskNetwork
from throughline.models.tensorflow_module import TensorFlowModule, tensor_of


class TensorFlowLearner:
    """The learner of TensorFlow's networks; see ``Learner``. It computes in float32.

    Args:
        job: The training.
        network: The network.
        group: The workers, of Horovod or one alone.
        device: From where TensorFlow takes batches to its own.
        optimizer: The optimizer's state to go on with; empty at the beginning.

    Raises:
        UserError: Another precision is asked for.
    """

    precision = "float32"

    def __init__(
        self,
        job: TrainingJob,
        network: TaskNetwork,
        group: Group,
        device: torch.device,
        optimizer: dict[str, Any],
    ) -> None:
        if job.precision not in ("auto", "float32"):
            raise UserError(
                f"The library tensorflow trains in float32, not in {job.precision}; leave the "
                "precision out, or use the library torch."
            )
        keras = keras_on("tensorflow")
        self.device, self.device_name = device, _device_name()
        if not isinstance(network, TensorFlowModule):
            raise TypeError(f"{type(network).__name__} is no network of TensorFlow's")
        self.network: TaskNetwork = network
        self._module, self.group = network, group
        self._model, self._clip_norm = network.model, job.clip_norm
        self._loss_of_margins = loss_of(keras, job.layout)
        self._optimizer = keras.optimizers.AdamW(
            job.learning_rate, weight_decay=job.weight_decay, epsilon=1e-8, name="adamw"
        )
        self._rate = job.learning_rate
        self._optimizer.build(self._model.trainable_variables)
        for variable in self._optimizer.variables if optimizer else ():
            variable.assign(optimizer[variable.path].numpy())
        if group.size > 1:
            import horovod.tensorflow as hvd

            held = [v.value for v in (*self._model.weights, *self._optimizer.variables)]
            hvd.broadcast_variables(held, root_rank=0)
        import tensorflow as tf

        self._gradients = tf.function(self._forward_and_backward, reduce_retracing=True)
        self._average = tf.function(self._mean_of_workers)
        self._change = tf.function(self._clip_and_apply)

    @property
    def rate(self) -> float:
        """The learning rate."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = rate
        self._optimizer.learning_rate = rate

    def step(self, batch: Batch, share: float) -> Step:
        """Makes a step; see ``Learner``."""
        import tensorflow as tf

        read = self._module.inputs(batch.numeric, batch.categories)
        label = tf.convert_to_tensor(self._module.target_of(batch.label).numpy())
        weighted = batch.weight.shape[1]
        weight = tf.convert_to_tensor(batch.weight[:, 0].numpy()) if weighted else None
        loss, logits, gradients = self._gradients(read, label, weight, tf.constant(share))
        logits = torch.from_numpy(logits.numpy())
        computed = time.monotonic()
        if self.group.size > 1:
            gradients = self._average(gradients)
        waited = time.monotonic() - computed
        self._change(gradients)
        return Step(torch.tensor(float(loss)), logits, waited)

    def _forward_and_backward(self, read: Any, label: Any, weight: Any, share: Any) -> Any:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            logits = self._model(read, training=True)
            loss = self._loss_of_margins(label[:, None], logits, sample_weight=weight)
            own = loss * share
        learnt = [variable.value for variable in self._model.trainable_variables]
        return loss, logits, [tf.convert_to_tensor(found) for found in tape.gradient(own, learnt)]

    def _mean_of_workers(self, gradients: Any) -> Any:
        import horovod.tensorflow as hvd

        return hvd.grouped_allreduce(gradients, op=hvd.Average)

    def _clip_and_apply(self, gradients: Any) -> None:
        import tensorflow as tf

        if self._clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self._clip_norm)
        self._optimizer.apply(gradients, self._model.trainable_variables)

    def seed(self, seed: int) -> None:
        """Seeds the dropout."""
        self._module.seed(seed)

    def optimizer_state(self) -> dict[str, Any]:
        """AdamW's variables by Keras' names."""
        return {variable.path: tensor_of(variable) for variable in self._optimizer.variables}

    def precision_state(self) -> dict[str, Any]:
        """Nothing is scaled."""
        return {}


def _device_name() -> str:
    """``cpu``, or the GPU's name."""
    import tensorflow as tf

    for gpu in tf.config.get_visible_devices("GPU"):
        return str(tf.config.experimental.get_device_details(gpu)["device_name"])
    return "cpu"
