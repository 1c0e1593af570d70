"""A network for tables: entity embeddings beside the numbers, then hidden blocks.

Categories as embeddings: C. Guo and F. Berkhahn, "Entity Embeddings of Categorical Variables",
arXiv:1604.06737, 2016.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from throughline.errors import UserError
from throughline.features.layout import Layout
from throughline.models.network_parameters import NetworkParameters, embedding_size


class Block(nn.Module):
    """A hidden block: linear, norm, ReLU, dropout, plus its input where the widths are equal."""

    def __init__(self, inputs: int, outputs: int, parameters: NetworkParameters) -> None:
        super().__init__()
        norm = nn.BatchNorm1d if parameters.norm == "batch" else nn.LayerNorm
        self.residual = parameters.residual and inputs == outputs
        self.layers = nn.Sequential(
            nn.Linear(inputs, outputs),
            norm(outputs),
            nn.ReLU(),
            nn.Dropout(parameters.dropout),
        )

    def forward(self, values: Tensor) -> Tensor:
        """Maps [n, inputs] to [n, outputs]."""
        changed = self.layers(values)
        return values + changed if self.residual else changed


class TabularNetwork(nn.Module):
    """A network over the prepared table that a layout describes.

    For regression it learns the standardised label: the mean and the deviation of the training
    label are part of its state (``set_target``).

    Args:
        layout: The features and the task.
        parameters: The shape of the network.

    Raises:
        UserError: The layout has no feature.
    """

    target_mean: Tensor
    target_deviation: Tensor

    def __init__(self, layout: Layout, parameters: NetworkParameters) -> None:
        super().__init__()
        if not layout.features:
            raise UserError("A network needs at least one feature, and the layout has none.")
        self.layout = layout
        self.shape = parameters
        cardinalities = [feature.cardinality or 1 for feature in layout.categories]
        self.embeddings = nn.ModuleList(
            nn.Embedding(count, embedding_size(count, parameters)) for count in cardinalities
        )
        self.norm = nn.BatchNorm1d(len(layout.numeric)) if layout.numeric else None
        width = len(layout.numeric) + sum(e.embedding_dim for e in self.embeddings)  # type: ignore[misc]
        widths = [width, *parameters.hidden]
        self.blocks = nn.Sequential(
            *(
                Block(before, after, parameters)
                for before, after in zip(widths, widths[1:], strict=False)
            )
        )
        self.head = nn.Linear(widths[-1], layout.outputs)
        self.register_buffer("target_mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("target_deviation", torch.ones((), dtype=torch.float64))

    def set_target(self, mean: float, deviation: float) -> None:
        """Sets the mean and standard deviation of the training label (regression)."""
        self.target_mean.fill_(mean)
        self.target_deviation.fill_(deviation if deviation > 0 else 1.0)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Maps numeric, float32 [n, k], and categories, int64 [n, c], to logits [n, outputs]."""
        parts = [embed(categories[:, i]) for i, embed in enumerate(self.embeddings)]
        if self.norm is not None:
            parts.insert(0, self.norm(numeric))
        return self.head(self.blocks(torch.cat(parts, dim=1)))

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
            target = (label - self.target_mean) / self.target_deviation
            return functional.mse_loss(logits[:, 0], target.float(), reduction=reduction)
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
