"""Learning steps on an accelerator with torch: weights go there and come back with every part of a burst."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cornerman.contract import Floats
from cornerman.learning.accelerator import td
from cornerman.learning.accelerator.cuda_graphs import MOST_STEPS, Burst, GraphBurst
from cornerman.learning.update import Rates, Rows, Sums
from cornerman.policy.q_network import NetworkSpec


class TorchSteps:
    """Called by the learner, on its thread; raises what torch raises for a device that fails."""

    def __init__(self, device: str, spec: NetworkSpec, rates: Rates) -> None:
        self.device, self._spec, self._rates = torch.device(device), spec, rates
        parameters = torch.zeros((4, spec.num_parameters), dtype=torch.float32, device=self.device)
        self._weights = td.Weights(parameters, torch.zeros(1, dtype=torch.float32, device=self.device))
        self._most = 1
        self._burst: Burst = self._plain
        if self.device.type == "cuda":
            self._most, self._burst = MOST_STEPS, GraphBurst(torch.cuda, self._plain)

    def learn(self, weights: Floats, rows: Rows, span: tuple[int, int, int], stop: NDArray[np.uint8]) -> Sums:
        """As `update.learn_steps`, except that `stop` is looked at after up to 16 steps on CUDA.

        `weights` change at the end, once everything has been fetched: a device that is lost leaves them as they were.
        """
        first, most, steps = span
        self._weights.parameters.copy_(torch.from_numpy(weights))
        self._weights.steps.fill_(steps)
        figures, at = list[Tensor](), first
        while at < first + most and not (figures and stop[0]):
            count = min(self._most, 1 << ((first + most - at).bit_length() - 1))
            part = td.TensorRows(*(self._there(column[at : at + count]) for column in rows))
            figures.append(self._burst(self._weights, part))
            at += count
        sums = torch.cat(figures).double().cpu().sum(0).tolist() if figures else [0.0] * 4
        weights[:] = self._weights.parameters.cpu().numpy()
        applied = round(sums[0])
        return applied, at - first - applied, sums[1], sums[2], sums[3]

    def _plain(self, weights: td.Weights, rows: td.TensorRows) -> Tensor:
        return td.learn_burst(weights, self._spec, rows, self._rates)

    def _there(self, column: Any) -> Tensor:
        # Not as_tensor: it would go to whatever device the process has for a default.
        tensor = torch.from_numpy(column) if isinstance(column, np.ndarray) else column
        return tensor.to(self.device, non_blocking=self.device.type == "cuda")
