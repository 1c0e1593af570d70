"""What a user may say of a network: its shape and its training."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from throughline.errors import UserError

Library = Literal["torch", "keras", "tensorflow"]
"""In which a network's layers may be written: torch's, or Keras' on two backends."""


class NetworkParameters(BaseModel):
    """The shape of a network for tables.

    Attributes:
        hidden: The width of each hidden block.
        dropout: The share of activations dropped after each hidden block.
        embedding_rule: How wide a category's embedding is, from its cardinality ``n``:
            ``fastai`` is ``round(1.6 * n ** 0.56)`` (fastai's ``emb_sz_rule``),
            ``half`` is ``(n + 1) // 2``.
        max_embedding: The widest embedding.
        norm: The normalisation inside a hidden block.
        residual: Whether a block whose input and output are equally wide adds its input.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (256, 128)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    embedding_rule: Literal["fastai", "half"] = "fastai"
    max_embedding: int = Field(default=50, ge=1)
    norm: Literal["batch", "layer"] = "batch"
    residual: bool = True


class NetworkTraining(BaseModel):
    """The training of a network.

    Attributes:
        epochs: The most passes over the training rows.
        batch_size: The most rows per step and worker.
        learning_rate: The rate for one worker; it is multiplied by the number of workers.
        weight_decay: AdamW's weight decay.
        patience: The epochs without a better validation loss before the end; None for no end.
        seed: The seed of the weights, of the shuffling and of the dropout.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=1024, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-5, ge=0)
    patience: int | None = Field(default=5, ge=1)
    seed: int = Field(default=7, ge=0)


def embedding_size(cardinality: int, parameters: NetworkParameters) -> int:
    """Returns how wide the embedding of a category with ``cardinality`` codes is.

    Two rules of thumb: fastai's ``round(1.6 * n ** 0.56)`` (``fastai.tabular.model.emb_sz_rule``)
    and ``(n + 1) // 2``, both up to ``max_embedding``.
    """
    if parameters.embedding_rule == "fastai":
        size = round(1.6 * cardinality**0.56)
    else:
        size = (cardinality + 1) // 2
    return max(1, min(parameters.max_embedding, size))


def shape_and_training(
    family: str, parameters: Mapping[str, Any]
) -> tuple[NetworkParameters, NetworkTraining]:
    """The shape and the training that ``parameters`` say.

    Raises:
        UserError: If a value is out of bounds.
    """
    shape = {k: v for k, v in parameters.items() if k in NetworkParameters.model_fields}
    training = {k: v for k, v in parameters.items() if k in NetworkTraining.model_fields}
    try:
        return NetworkParameters(**shape), NetworkTraining(**training)
    except ValidationError as error:
        raise refused_setting(family, error) from None


def refused_setting(family: str, error: ValidationError) -> UserError:
    """The error for a setting that is out of bounds."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return UserError(f"The {family}'s {where} cannot be {first['input']!r}: {first['msg']}.")


def refused_rate(epoch: int, training: NetworkTraining) -> UserError:
    """The error for a training whose loss is no longer a number."""
    return UserError(
        f"The loss in epoch {epoch} is not a number any more; train again with a learning rate "
        f"below {training.learning_rate:g}."
    )
