"""What every network for a table has: its task's loss, scores and figures."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from throughline.errors import UserError
from throughline.features.layout import Layout


class TaskNetwork(nn.Module):
    """A network over the prepared table that a layout describes, without its layers.

    For regression it learns the standardised label: the mean and the deviation of the training
    label are part of its state (``set_target``). A subclass has the layers: its ``forward`` maps
    numeric, float32 [n, k], and categories, int64 [n, c], to logits [n, outputs].

    Args:
        layout: The features and the task.

    Raises:
        UserError: The layout has no feature.
    """

    target_mean: Tensor
    target_deviation: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        if not layout.features:
            raise UserError("A network needs at least one feature, and the layout has none.")
        self.layout = layout
        self.register_buffer("target_mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("target_deviation", torch.ones((), dtype=torch.float64))

    def set_target(self, mean: float, deviation: float) -> None:
        """Sets the mean and standard deviation of the training label (regression)."""
        self.target_mean.fill_(mean)
        self.target_deviation.fill_(deviation if deviation > 0 else 1.0)

    @property
    def target(self) -> tuple[float, float]:
        """The mean and the deviation of the training label, of a regression."""
        return float(self.target_mean), float(self.target_deviation)

    def target_of(self, label: Tensor) -> Tensor:
        """What the network learns of a label: of a regression the standardised one."""
        if self.layout.task != "regression":
            return label
        return (label - self.target_mean) / self.target_deviation

    def statistics(self) -> list[Tensor]:
        """What layers gather of the rows beside what they learn, as batch norm does, float32."""
        fixed = (values for values in self.parameters() if not values.requires_grad)  # of Keras
        return [held for held in (*self.buffers(), *fixed) if held.dtype == torch.float32]

    @torch.no_grad()
    def set_statistics(self, values: Sequence[Tensor]) -> None:
        """Replaces what :meth:`statistics` gives, in its order."""
        for held, value in zip(self.statistics(), values, strict=True):
            held.copy_(value)

    def scores(self, logits: Tensor) -> Tensor:
        """Turns logits into probabilities, or the label's own units; float32 [n, outputs]."""
        if self.layout.task == "regression":
            return (logits.double() * self.target_deviation + self.target_mean).float()
        return torch.sigmoid(logits) if self.layout.binary else torch.softmax(logits, dim=1)

    def loss(self, logits: Tensor, label: Tensor, weight: Tensor | None = None) -> Tensor:
        """The mean loss: squared error of the standardised label, or cross entropy.

        With weights, float32 [n, 1], it is the mean over rows of weight times loss: the mean over
        the workers' batches is then the mean over their rows, as it is without. A width of 0 means
        that there are no weights.
        """
        if weight is not None and weight.shape[1]:
            return (weight[:, 0] * self._loss(logits, label, "none")).mean()
        return self._loss(logits, label, "mean")

    def _loss(self, logits: Tensor, label: Tensor, reduction: str) -> Tensor:
        if self.layout.task == "regression":
            target = self.target_of(label).float()
            return functional.mse_loss(logits[:, 0], target, reduction=reduction)
        if self.layout.binary:
            return functional.binary_cross_entropy_with_logits(
                logits[:, 0], label.float(), reduction=reduction
            )
        return functional.cross_entropy(logits, label, reduction=reduction)

    def metrics(self, logits: Tensor, label: Tensor) -> dict[str, float]:
        """Means over rows that can be averaged again: the loss, and accuracy or squared error."""
        name = "squared_error" if self.layout.task == "regression" else "accuracy"
        return {
            "loss": float(self.loss(logits, label)),
            name: float(self.agreement(logits, label)),
        }

    def agreement(self, logits: Tensor, label: Tensor) -> Tensor:
        """How the rows' labels and what is predicted agree, a scalar, float64.

        It is the share of rows that are right; of a regression the mean squared error, in the
        label's units.
        """
        if self.layout.task == "regression":
            return ((self.scores(logits)[:, 0] - label) ** 2).mean()
        predicted = logits[:, 0] > 0 if self.layout.binary else logits.argmax(dim=1)
        return (predicted == label).double().mean()
