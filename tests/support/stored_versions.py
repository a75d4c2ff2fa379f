"""Data folders with known versions in them, for tests of what is stored: version v holds the numbers of `flat(v)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from cornerman.contract import Floats, HeadlessGame
from cornerman.experience.encoder import Encoder
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.models.manifest import Identity, Provenance
from cornerman.models.registry import Registry
from cornerman.models.store import Store
from cornerman.policy.q_network import NetworkSpec, draw

SPEC = NetworkSpec(18, 5, (8, 4))
IDENTITY = Identity("toy", "1.0", "layout-1", ("a", "b", "c", "d", "e"), 18)
PASSED: Mapping[str, Any] = {
    "promote": True,
    "reason": "Promoted: 61% against the champion over 40 pairs.",
    "battles": [],
}
NOW = 1_700_000_000.0


def store_in(folder: Path, who: str = "the test", spec: NetworkSpec = SPEC) -> Store:
    return Store(folder, IDENTITY, spec, who, lambda: NOW)


def opened(folder: Path, identity: Identity = IDENTITY, spec: NetworkSpec = SPEC) -> Registry:
    return Registry(folder, identity, spec, lambda: NOW)


def flat(seed: int, spec: NetworkSpec = SPEC) -> Floats:
    return np.random.default_rng(seed).normal(0.0, 0.3, spec.num_parameters).astype(np.float32)


def fill(registry: Registry, num: int = 3) -> Registry:
    """Versions 0 to `num` - 1, each promoted in turn; all but version 0 have learned."""
    for version in range(num):
        parent, gate = (version - 1, PASSED) if version else (None, None)
        provenance = Provenance(parent=parent, gate=gate, learning_steps=64 * version)
        assert registry.save(flat(version), provenance) == version
        registry.promote(version)
    return registry


def filled(folder: Path, num: int = 3) -> Registry:
    return fill(opened(folder), num)


def filled_store(folder: Path, num: int = 3) -> Store:
    store = store_in(folder)
    fill(store.registry, num)
    return store


def path_of(folder: Path, version: int, name: str) -> Path:
    return folder / "versions" / f"{version:06d}" / name


def damage(path: Path, at: int = -5) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def mutated(data: st.DataObject, whole: bytes, end: int = 2**30) -> bytes:
    """Bytes that were flipped, cut, added or exchanged, half of them among the last `end`."""
    kind = data.draw(st.sampled_from(["flip", "cut", "grow", "splice", "text"]))
    last = len(whole) - 1
    at = data.draw(st.integers(0, last) | st.integers(max(0, last - end), last))
    if kind == "flip":
        return whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :]
    if kind == "cut":
        return whole[:at]
    if kind == "grow":
        return whole + data.draw(st.binary(min_size=1, max_size=20))
    if kind == "text":
        changes = [(b"8", b"-8"), (b'"', b""), (b"1", b"1e999"), (b":", b":[["), (b"0", b"null"), (b"F32", b"F64")]
        old, new = data.draw(st.sampled_from(changes))
        return whole.replace(old, new, data.draw(st.integers(1, 3)))
    return whole[:at] + data.draw(st.binary(max_size=20)) + whole[at + data.draw(st.integers(0, 20)) :]


def save_and_promote(registry: Registry) -> None:
    registry.promote(registry.save(flat(3), Provenance(parent=2, gate=PASSED)))


OPERATIONS: Mapping[str, Callable[[Registry], Any]] = {
    "save and promote": save_and_promote,
    "roll back": lambda registry: registry.roll_back(),
    "prune": lambda registry: registry.prune(keep=1),
    "forget": lambda registry: registry.erase_trained_from_player(),
    "save the learner": lambda registry: CheckpointFile(registry.folder).save({"x": np.arange(5)}, {"n": 1}),
    "open": lambda registry: opened(registry.folder),
}
"""What a plugin does to its versions, for tests in which the disk fails meanwhile."""


def assert_sound(folder: Path) -> None:
    """What was filled still loads, whatever was done to it and failed."""
    registry = opened(folder)
    policy, sentences = registry.load_champion()
    assert sentences == []
    assert policy is not None
    assert policy.flat.tobytes() == flat(policy.version).tobytes()
    assert policy.version in (1, 2, 3)
    assert not any(entry.state == "damaged" for entry in registry.versions())
    saved, _ = CheckpointFile(folder).load()
    assert saved is not None
    assert saved[0]["x"].tolist() == list(range(4 + saved[1]["n"])), "the state before or the one that was saved"
    assert registry.save(flat(9), Provenance(parent=policy.version)) >= 3


def store_versions(folder: Path, game: HeadlessGame, num: int = 1, hidden: tuple[int, ...] = (8,)) -> NetworkSpec:
    """Versions 0 to `num` - 1 of a game, drawn at random; 0 plays. Returns the network that they have."""
    encoder = Encoder(game)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, hidden)
    with Store(folder, Identity.of(game, encoder), spec, "the test") as store:
        for version in range(num):
            assert store.registry.save(draw(spec, np.random.default_rng(version)), Provenance()) == version
        store.registry.promote(0)
    return spec
