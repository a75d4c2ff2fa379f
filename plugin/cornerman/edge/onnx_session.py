"""Playing backend onnxruntime: Q-values of one policy by an ONNX session on one processor.

Its packages are imported where a session is built, so that a game which plays with numpy loads none of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cornerman.contract import Floats
from cornerman.edge.onnx_file import OBSERVATION, Q_VALUES, package, to_onnx
from cornerman.policy.policy import Policy, QValues


def onnx_session(policy: Policy) -> QValues:
    """The backend of a policy; ModelError where a package is missing, and whatever onnxruntime raises.

    One thread at a time may call it: its input and output lie in buffers that are bound once, which is quicker.
    """
    session = session_of(to_onnx(policy, batch=1, masked=False))
    inputs = np.zeros((1, policy.spec.observation_size), np.float32)
    outputs = np.zeros((1, policy.spec.num_actions), np.float32)
    binding = session.io_binding()
    binding.bind_input(OBSERVATION, "cpu", 0, np.float32, inputs.shape, inputs.ctypes.data)
    binding.bind_output(Q_VALUES, "cpu", 0, np.float32, outputs.shape, outputs.ctypes.data)
    row: Floats = inputs[0]
    values: Floats = outputs[0]

    def q_values(observation: Floats) -> Floats:
        row[:] = observation
        session.run_with_iobinding(binding)
        return values

    return q_values


def session_of(data: bytes) -> Any:
    """A session of an ONNX file; ModelError where the package is missing, and whatever onnxruntime raises.

    One thread: others would take the processor from the game, and gain nothing for a few rows.
    """
    onnxruntime = package("onnxruntime")
    onnxruntime.disable_telemetry_events()  # on by default in the builds for Windows
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; they are raised as well
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
