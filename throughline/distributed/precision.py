"""The arithmetic of a training: float32, or mixed with 16 bits where the hardware gains by it."""

from typing import Any

import torch


class Precision:
    """Automatic mixed precision around the forward pass and the optimizer.

    float16 has too few exponents for small gradients, so that the loss is scaled up before the
    backward pass: P. Micikevicius et al., "Mixed Precision Training", arXiv:1710.03740, 2018.
    bfloat16 has float32's range and needs none of it. Weights and evaluation stay float32.

    Args:
        wanted: ``auto``, ``float32``, ``bfloat16`` or ``float16``.
        device: Where the training computes.
    """

    def __init__(self, wanted: str, device: torch.device) -> None:
        self.name = self._auto(device) if wanted == "auto" else wanted
        self._device = device.type
        self._scaler = torch.amp.GradScaler(self._device, enabled=self.name == "float16")

    @staticmethod
    def _auto(device: torch.device) -> str:
        if device.type != "cuda":
            return "float32"
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bfloat16" if native else "float16"

    def forward(self) -> Any:
        """The block of the forward pass and the loss."""
        mixed = self.name != "float32"
        dtype = getattr(torch, self.name) if mixed else None
        return torch.autocast(self._device, dtype=dtype, enabled=mixed)

    def backward(self, loss: torch.Tensor) -> None:
        """The backward pass."""
        self._scaler.scale(loss).backward()

    def unscale(self, optimizer: Any) -> None:
        """Gives the gradients their own size again, before they are looked at."""
        if self._scaler.is_enabled():
            self._scaler.unscale_(optimizer)

    def state(self) -> dict[str, Any]:
        """What a resumed training needs to go on; empty where nothing is scaled."""
        return dict(self._scaler.state_dict())

    def load(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        if state:
            self._scaler.load_state_dict(state)

    def step(self, optimizer: Any) -> None:
        """The optimizer's step; left out where a scaled gradient overflowed."""
        self._scaler.step(optimizer)
        self._scaler.update()
