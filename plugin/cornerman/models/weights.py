"""The files of one stored version, and what has to hold before the numbers in them may play."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cornerman.contract import Floats, ModelError
from cornerman.evaluation.ratings import MOST_POINTS
from cornerman.files.atomic import MAX_JSON_BYTES, parse_object, read_file, read_json, to_json
from cornerman.files.tensor_file import pack, unpack
from cornerman.models.manifest import BASE, Manifest, parse_manifest
from cornerman.policy.difficulty import RUNG, Rung
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec

WEIGHTS, MANIFEST, CARD = "weights.safetensors", "manifest.json", "card.md"
LADDER = "ladder.safetensors"
"""Earlier selves with their ratings, where training made them; float16, as they were rated."""
MAX_WEIGHTS_BYTES = 256 * 2**20
MAX_RUNGS = 32
MAX_LADDER_BYTES = 64 * 2**20
LIMITS = {MANIFEST: MAX_JSON_BYTES, WEIGHTS: MAX_WEIGHTS_BYTES, CARD: MAX_JSON_BYTES, LADDER: MAX_LADDER_BYTES}
"""The files of a version, and their most bytes."""
_NUMBERS = ("temperature", "points", "low", "high")


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
    return usable_policy(spec, flat, what, manifest.version, manifest.origin == BASE)


def usable_policy(spec: NetworkSpec, flat: Floats, what: str, version: int = -1, shipped: bool = False) -> Policy:
    """The policy of parameters `[P]` that fit `spec`; ModelError where they give no usable values."""
    with np.errstate(all="ignore"):  # weights that overflow are found by what they give
        policy = Policy(spec, flat, version, shipped)
        values = policy.q_values(np.full(spec.observation_size, 0.5, np.float32))
    if values.shape != (spec.num_actions,) or not np.isfinite(values).all():
        raise ModelError(f"{what} load, but give no usable values.")
    return policy


def policy_in(folder: Path) -> Policy:
    """The policy of the version in `folder`, whatever game it was made for; ModelError where it does not load."""
    what = f"version {int(folder.name)}"
    manifest = parse_manifest(read_json(folder / MANIFEST, f"The manifest of {what}"), f"The manifest of {what}")
    return policy_of(manifest, read_file(folder / WEIGHTS, MAX_WEIGHTS_BYTES, f"The weights of {what}"), what)


def damage(folder: Path) -> str | None:
    """What is wrong with the files of the version in `folder`; None: it loads."""
    try:
        policy_in(folder)
    except ModelError as error:
        return str(error)
    return None


# ------------------------------------------------------------------------------------------------------- the ladder


@dataclass(frozen=True, slots=True)
class Ladder:
    """The earlier selves of a version, weakest first, and the rating of the version itself."""

    rungs: tuple[Rung, ...]
    first: int  # the rung of level 1; those below it are for the adaptive level alone
    top: Rung  # the version itself


def ladder_bytes(ladder: Ladder) -> bytes:
    """The file; the version's own weights are not in it."""
    rated = [{name: getattr(rung, name) for name in _NUMBERS} for rung in (*ladder.rungs, ladder.top)]
    arrays = {f"rung{at}": rung.policy.flat.astype(np.float16) for at, rung in enumerate(ladder.rungs)}
    return pack(arrays, {"ladder": to_json({"first": ladder.first, "rated": rated}).decode()}, "The ladder")


def ladder_of(data: bytes, version: Policy, what: str) -> Ladder:
    """The ladder of the policy `version` from a file's bytes; ModelError where a check fails."""
    what, spec = f"The ladder of {what}", version.spec
    arrays, notes = unpack(data, what)
    note = parse_object(notes.get("ladder", "").encode(), what)
    rated, first = note.get("rated"), note.get("first")
    if not isinstance(rated, list) or not 2 <= len(rated) <= MAX_RUNGS or not all(map(_is_rated, rated)):
        raise ModelError(f"{what} has no readable ratings.")
    names = [f"rung{at}" for at in range(len(rated) - 1)]
    if type(first) is not int or not 0 <= first < len(names) or set(arrays) != set(names):
        raise ModelError(f"{what} does not hold the rungs that it lists.")
    if any(arrays[name].dtype != np.float16 or arrays[name].shape != (spec.num_parameters,) for name in names):
        raise ModelError(f"{what} holds weights of another network.")
    # Numbers of their own, so that no result of a rung is taken for one of a stored version.
    weights = (arrays[name].astype(np.float32) for name in names)
    policies = [*(usable_policy(spec, flat, what, RUNG - at) for at, flat in enumerate(weights)), version]
    rungs = [
        Rung(policy, **{name: float(each[name]) for name in _NUMBERS})
        for policy, each in zip(policies, rated, strict=True)
    ]
    points = [rung.points for rung in rungs]
    if points != sorted(points):
        raise ModelError(f"{what} is not in the order of its ratings.")
    return Ladder(tuple(rungs[:-1]), first, rungs[-1])


def _is_rated(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != set(_NUMBERS):
        return False
    numbers = [value[name] for name in _NUMBERS]
    right = all(type(number) in (int, float) and abs(number) <= MOST_POINTS for number in numbers)
    return right and value["temperature"] >= 0.0
