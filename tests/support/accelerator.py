"""A device of the test's own: "xpu" stands for it, and its tensors are tensors on the CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch

LOST = {
    "full": RuntimeError("out of memory. Tried to allocate 20 MiB.\nCompile with TORCH_USE_DEVICE_DSA."),
    "not built in": AssertionError("Torch not compiled with XPU enabled"),
    "without a word": RuntimeError(),
}


class Accelerator:
    """torch.device("xpu") is torch's CPU while this lives; with an `error` everything asked of it raises that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
        self.error = error
        device, copy = torch.device, torch.Tensor.copy_

        def on_device(name: Any) -> Any:
            if name == "xpu" and self.error is not None:
                raise self.error
            return device("cpu" if name == "xpu" else name)

        def copied(tensor: torch.Tensor, *arguments: Any) -> torch.Tensor:
            if self.error is not None:
                raise self.error
            return copy(tensor, *arguments)

        monkeypatch.setattr("cornerman.learning.accelerator.torch_steps.torch.device", on_device)
        monkeypatch.setattr(torch.Tensor, "copy_", copied)
