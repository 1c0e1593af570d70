"""A network for tables: entity embeddings beside the numbers, then hidden blocks.

Categories as embeddings: C. Guo and F. Berkhahn, "Entity Embeddings of Categorical Variables",
arXiv:1604.06737, 2016.
"""

import torch
from torch import Tensor, nn

from throughline.features.layout import Layout
from throughline.models.network_parameters import NetworkParameters, embedding_size
from throughline.models.task_network import TaskNetwork


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


class TabularNetwork(TaskNetwork):
    """A network of PyTorch over the prepared table that a layout describes.

    Args:
        layout: The features and the task.
        parameters: The shape of the network.

    Raises:
        UserError: The layout has no feature.
    """

    def __init__(self, layout: Layout, parameters: NetworkParameters) -> None:
        super().__init__(layout)
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

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Maps numeric, float32 [n, k], and categories, int64 [n, c], to logits [n, outputs]."""
        parts = [embed(categories[:, i]) for i, embed in enumerate(self.embeddings)]
        if self.norm is not None:
            parts.insert(0, self.norm(numeric))
        return self.head(self.blocks(torch.cat(parts, dim=1)))
