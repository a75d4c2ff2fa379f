"""What the compiler of Hailo's accelerators takes: a plain ONNX file, calibration data, and the steps to a HEF file.

Not run on hardware, and the compiler neither: it is the vendor's, for x86-64 Linux, behind a registration. Its commands
and their options are those of its releases 3.27 to 3.33, as its users show them.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping

import numpy as np

from cornerman.contract import Floats
from cornerman.edge.onnx_file import to_onnx
from cornerman.policy.policy import Policy

CALIBRATION, STEPS = "calibration.npy", "README.md"
LEAST_ROWS = 1024
"""Fewer, and the compiler leaves out what keeps its int8 near the float32 numbers."""

_TEXT = """\
# {name}: from ONNX to HEF

NOT RUN ON HARDWARE. These files are made for Hailo's Dataflow Compiler (release 3.27 or newer), but neither the
compiler nor an AI HAT+ was at hand when they were written.

- `{name}.onnx`: version {version} of {game}, {inputs} numbers in, {actions} values out, batch 1, opset 13, without the
  mask: of the values, the largest among the legal actions is the decision.
- `{calibration}`: {rows:,} observations ({source}), float32, shape {shape}. {warning}

On an x86-64 Linux machine with the Dataflow Compiler (from Hailo's Developer Zone: free, but it asks for an account):

    hailo parser onnx {name}.onnx --hw-arch hailo8l --net-name {name} --har-path {name}.har
    hailo optimize {name}.har --hw-arch hailo8l --calib-set-path {calibration} --output-har-path {name}_optimized.har
    hailo compiler {name}_optimized.har --hw-arch hailo8l --output-dir .

`hailo8l` is the AI HAT+ with 13 TOPS, `hailo8` the one with 26, `hailo10h` (Dataflow Compiler 5) the AI HAT+ 2; a file
for one does not run on another. Where `hailo optimize` says `BadInputsShape`, the compiler counts the dimensions of an
input otherwise; give it those that it names:

    python -c "import numpy as n; n.save('{calibration}', n.load('{calibration}').reshape(-1, 1, 1, {inputs}))"

Put `{name}.hef` into the folder `hef` of the game's data folder, and leave its name: it says which weights are in it.
"""


def hef_name(policy: Policy) -> str:
    """The end of the name of a policy's HEF file: by the weights, since an imported version has another number."""
    return f"{hashlib.sha256(policy.flat.tobytes()).hexdigest()[:12]}.hef"


def hef_kit(
    policy: Policy, notes: Mapping[str, str], observations: Floats, source: str, warning: str
) -> dict[str, bytes]:
    """The files of the kit by name, for observations `[N, F]` that come from `source`, with a `warning` about them."""
    name = f"version_{notes['version']}_{hef_name(policy).removesuffix('.hef')}"
    file = io.BytesIO()
    np.save(file, observations.astype(np.float32))
    steps = _TEXT.format(
        name=name,
        version=notes["version"],
        game=notes["game"],
        inputs=policy.spec.observation_size,
        actions=policy.spec.num_actions,
        calibration=CALIBRATION,
        rows=len(observations),
        source=source,
        shape=observations.shape,
        warning=warning,
    )
    model = to_onnx(policy, notes, batch=1, masked=False, plain=True)
    return {f"{name}.onnx": model, CALIBRATION: file.getvalue(), STEPS: steps.encode()}
