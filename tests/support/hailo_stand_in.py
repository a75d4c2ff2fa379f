"""Stand-in for HailoRT's Python package `hailo_platform`, for tests: no Hailo device was ever at hand.

Written to the vendor's sources (github.com/hailo-ai/hailort: pyhailort.py, infer_model_api.cpp and infer_model.cpp, of
4.18 and 5.x): buffers are raw memory, contiguous, of the stream's size and format, and set for every job; the error
of a job goes to its callback alone; after a job, used bindings point to a buffer of HailoRT's own that it frees; a
failed start shuts the network down; one virtual device at a time has the hardware; nothing leaves the process that made
it. A "HEF" here is a file of a policy's parameters, and the device computes with numpy.
"""

from __future__ import annotations

import ctypes
import os
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec


class HailoRTException(Exception):  # noqa: N818 - the vendor's name
    """Base of everything that HailoRT raises."""


class HailoRTTimeout(HailoRTException): ...


class HailoRTInvalidOperationException(HailoRTException): ...


class HailoRTNotFoundException(HailoRTException): ...


class HailoRTInvalidHEFException(HailoRTException): ...


class HailoRTStreamAborted(HailoRTException): ...


class Hardware:
    """The one device; a test pulls it out or has it hang."""

    def __init__(self) -> None:
        self.present, self.hangs, self.noise = True, False, 0.0
        self.owner: object = None
        self.opened = self.jobs = 0


def install(monkeypatch: pytest.MonkeyPatch) -> Hardware:
    """Put the package where `import hailo_platform` finds it, with a device."""
    hardware = Hardware()
    module: Any = types.ModuleType("hailo_platform")
    module.VDevice = type("VDevice", (_VDevice,), {"hardware": hardware})
    module.FormatType = types.SimpleNamespace(AUTO=np.uint8, FLOAT32=np.float32)
    module.HailoSchedulingAlgorithm = types.SimpleNamespace(ROUND_ROBIN=1)
    module.HailoRTException = HailoRTException
    monkeypatch.setitem(sys.modules, "hailo_platform", module)
    return hardware


def compile_hef(policy: Policy, path: Path) -> None:
    """What the vendor's compiler makes of a policy."""
    path.parent.mkdir(exist_ok=True)
    spec = policy.spec
    with path.open("wb") as file:
        np.savez(file, flat=policy.flat, sizes=[spec.observation_size, spec.num_actions, *spec.hidden])


class _VDevice:
    hardware: Hardware

    def __init__(self, params: object = None) -> None:
        if not self.hardware.present or self.hardware.owner is not None:
            raise HailoRTException("libhailort failed with error: 74 (HAILO_OUT_OF_PHYSICAL_DEVICES)")
        self.hardware.owner, self._process = self, os.getpid()
        self.hardware.opened += 1

    @staticmethod
    def create_params() -> types.SimpleNamespace:
        return types.SimpleNamespace(scheduling_algorithm=None)

    def create_infer_model(self, hef_source: str) -> _InferModel:
        if os.getpid() != self._process:
            raise HailoRTException("InferModel can be created only from the process VDevice was created in.")
        if not isinstance(hef_source, str):
            raise ValueError("HEF can only be created from a file path (str) or a buffer (bytes)")
        try:
            with np.load(hef_source, allow_pickle=False) as file:
                sizes, flat = file["sizes"].tolist(), file["flat"]
        except Exception as error:
            raise HailoRTInvalidHEFException("Invalid HEF. See hailort.log for more information") from error
        return _InferModel(Policy(NetworkSpec(sizes[0], sizes[1], tuple(sizes[2:])), flat), self.hardware)


class _Stream:
    """An input or output of a model, one frame without the batch; uint8 unless set otherwise."""

    def __init__(self, size: int) -> None:
        self.shape, self.format = [1, 1, size], np.dtype(np.uint8)

    def set_format_type(self, kind: Any) -> None:
        self.format = np.dtype(kind)


class _InferModel:
    def __init__(self, policy: Policy, hardware: Hardware) -> None:
        self.policy, self.hardware = policy, hardware
        self._input, self._output = _Stream(policy.spec.observation_size), _Stream(policy.spec.num_actions)

    def input(self) -> _Stream:
        return self._input

    def output(self) -> _Stream:
        return self._output

    def set_batch_size(self, size: int) -> None:
        assert 0 < size < 2**16

    def configure(self) -> _Configured:
        return _Configured(self)


class _Buffer:
    """An edge of the bindings: where the memory of the caller's array begins and how long it is."""

    def __init__(self) -> None:
        self.pointer, self.size = 0, -1
        self.array: NDArray[Any] | None = None

    def set_buffer(self, buffer: NDArray[Any]) -> None:
        if not buffer.flags.writeable:
            raise ValueError("array is not writeable")
        self.pointer, self.size, self.array = buffer.ctypes.data, buffer.nbytes, buffer


class _Bindings:
    def __init__(self) -> None:
        self._input, self._output = _Buffer(), _Buffer()

    def input(self) -> _Buffer:
        return self._input

    def output(self) -> _Buffer:
        return self._output


class _Job:
    def __init__(self, finished: bool) -> None:
        self._finished = finished

    def wait(self, timeout_ms: int) -> None:
        if not self._finished:
            raise HailoRTTimeout("Received a timeout - hailort has failed because a timeout had occurred")


class _Configured:
    def __init__(self, model: _InferModel) -> None:
        self._model, self._process, self._down = model, os.getpid(), False

    def create_bindings(self) -> _Bindings:
        return _Bindings()

    def run_async(self, bindings: Sequence[_Bindings], callback: Callable[..., object]) -> _Job:
        assert os.getpid() == self._process, "undefined behaviour: a network of another process"
        if self._down:
            raise HailoRTStreamAborted("Stream was aborted")
        (frame,), model = bindings, self._model
        for edge, stream in ((frame.input(), model.input()), (frame.output(), model.output())):
            if edge.size < 0:
                self._down = True
                raise HailoRTNotFoundException("Item not found. See hailort.log for more information")
            if edge.size != stream.shape[-1] * stream.format.itemsize:
                self._down = True
                raise HailoRTInvalidOperationException("Invalid operation. See hailort.log for more information")
        model.hardware.jobs += 1
        if model.hardware.hangs:
            return _Job(finished=False)
        values, error = np.full(model.output().shape, 3e38, np.float32), None  # what lies in fresh memory
        if model.hardware.present:
            memory = ctypes.string_at(frame.input().pointer, frame.input().size)
            values = model.policy.q_values(np.frombuffer(memory, np.float32)) + np.float32(model.hardware.noise)
        else:
            error = HailoRTException("libhailort failed with error: 8 (HAILO_INTERNAL_FAILURE)")
        data = values.astype(model.output().format).tobytes()
        ctypes.memmove(frame.output().pointer, data, len(data))
        self._down = error is not None
        frame.output().pointer = ctypes.addressof(self._freed)
        callback(completion_info=types.SimpleNamespace(exception=error))
        return _Job(finished=True)

    _freed = ctypes.create_string_buffer(1 << 16)
