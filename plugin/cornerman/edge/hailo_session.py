"""Playing backend Hailo: Q-values of one policy by a network compiled for the accelerator of a Raspberry Pi's AI HAT+.

Not run on hardware: written to HailoRT's Python package `hailo_platform` (4.18 to 5.x) as its sources describe it, and
tested against a stand-in. A HEF file holds the weights of one version, so only that version is played by it.
"""

from __future__ import annotations

import os
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from cornerman.contract import Floats, ModelError
from cornerman.edge.hef_kit import hef_name
from cornerman.policy.policy import Policy, QValues
from cornerman.policy.policy_slot import name_of

TIMEOUT_MS = 100
"""How long a decision waits for the device; HailoRT may wait twice as long."""


class NoHefError(ModelError):
    """A version that was not compiled for the device."""


class Hailo:
    """Builds backends of policies whose HEF files lie in `folder`; opens the device with the first one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._device: Any = None

    def __call__(self, policy: Policy) -> QValues:
        """The backend of a policy; NoHefError, ModelError, and whatever HailoRT raises (HailoRTException)."""
        path = next(self._folder.glob(f"*{hef_name(policy)}"), None)
        if path is None:
            raise NoHefError(
                f"it plays what was compiled for it, and no file in {self._folder} ends in {hef_name(policy)}, as that "
                f"of {name_of(policy)} would. `cornerman export {max(policy.version, 0)} --format hef-kit` makes what "
                "the vendor's compiler needs"
            )
        os.environ.setdefault("HAILORT_LOGGER_PATH", "NONE")  # else HailoRT writes a log into the working folder
        try:
            hailo: Any = import_module("hailo_platform")
        except ImportError as error:
            raise ModelError(
                "it needs HailoRT's package hailo_platform, on a Raspberry Pi: sudo apt install hailo-all (AI HAT+ 2: "
                f"hailo-h10-all); {error}"
            ) from error
        if self._device is None:
            parameters = hailo.VDevice.create_params()
            parameters.scheduling_algorithm = hailo.HailoSchedulingAlgorithm.ROUND_ROBIN
            self._device = hailo.VDevice(parameters)
        model = self._device.create_infer_model(str(path))
        model.set_batch_size(1)
        for stream, size, what in (
            (model.input(), policy.spec.observation_size, "inputs"),
            (model.output(), policy.spec.num_actions, "outputs"),
        ):
            stream.set_format_type(hailo.FormatType.FLOAT32)
            if prod(stream.shape) != size:
                raise ModelError(f"{path} has {prod(stream.shape)} {what}, {name_of(policy)} has {size}")
        return _HailoSession(model)


class _HailoSession:
    """Q-values of one policy on the device; only in the process that made it."""

    def __init__(self, model: Any) -> None:
        self._model, self._network = model, model.configure()
        self._inputs, self._outputs = tuple(model.input().shape), tuple(model.output().shape)
        self._process = os.getpid()

    def __call__(self, observation: Floats) -> Floats:
        """Q-values `[A]`; RuntimeError in another process, and whatever HailoRT raises.

        Not by its `run`: HailoRT's Python package reports a job that failed to its callback alone. New bindings and
        buffers each time: after a job, used bindings point to a buffer that HailoRT frees, and a job that timed out may
        still write into its own.
        """
        if os.getpid() != self._process:
            raise RuntimeError("the device can be used only by the process that opened it")
        bindings, values = self._network.create_bindings(), np.empty(self._outputs, np.float32)
        bindings.input().set_buffer(np.array(observation, np.float32).reshape(self._inputs))
        bindings.output().set_buffer(values)
        errors: list[Exception | None] = []
        job = self._network.run_async([bindings], lambda completion_info: errors.append(completion_info.exception))
        job.wait(TIMEOUT_MS)
        if (error := errors[0]) is not None:
            raise error
        return values.reshape(-1)
