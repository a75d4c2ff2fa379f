"""The files of one stored version, and what has to hold before the numbers in them may play."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from cornerman.contract import ModelError
from cornerman.files.atomic import read_file, read_json
from cornerman.files.tensor_file import unpack
from cornerman.models.manifest import BASE, Manifest, parse_manifest
from cornerman.policy.policy import Policy

WEIGHTS, MANIFEST, CARD = "weights.safetensors", "manifest.json", "card.md"
MAX_WEIGHTS_BYTES = 256 * 2**20


def policy_of(manifest: Manifest, data: bytes, what: str) -> Policy:
    """The policy in the bytes of a weights file, after every check; ModelError with a sentence."""
    what, size = f"The weights of {what}", manifest.weights_bytes
    if len(data) != size:
        raise ModelError(f"{what} are {len(data):,} bytes where {size:,} were saved; the file is damaged.")
    if hashlib.sha256(data).hexdigest() != manifest.sha256:
        raise ModelError(f"{what} differ from what was saved (wrong SHA-256); the file is damaged.")
    arrays, _ = unpack(data, what)
    spec = manifest.spec
    found = {name: array.shape for name, array in arrays.items()}
    if found != dict(spec.arrays()) or any(array.dtype != np.float32 for array in arrays.values()):
        raise ModelError(f"{what} are not the arrays that its manifest names.")
    flat = np.concatenate([arrays[name].ravel() for name, _ in spec.arrays()])
    with np.errstate(all="ignore"):  # weights that overflow are found by what they give
        policy = Policy(spec, flat, manifest.version, manifest.origin == BASE)
        values = policy.q_values(np.full(spec.observation_size, 0.5, np.float32))
    if values.shape != (spec.num_actions,) or not np.isfinite(values).all():
        raise ModelError(f"{what} load, but give no usable values.")
    return policy


def damage(folder: Path) -> str | None:
    """What is wrong with the files of the version in `folder`, whatever game it was made for; None: it loads."""
    what = f"version {int(folder.name)}"
    try:
        manifest = parse_manifest(read_json(folder / MANIFEST, f"The manifest of {what}"), f"The manifest of {what}")
        policy_of(manifest, read_file(folder / WEIGHTS, MAX_WEIGHTS_BYTES, f"The weights of {what}"), what)
    except ModelError as error:
        return str(error)
    return None
