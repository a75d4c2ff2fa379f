"""Who plays when a game starts: the stored champions, or a first version that has learned nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cornerman.contract import CornermanError
from cornerman.lineage import KEPT
from cornerman.network import NetworkSpec, draw
from cornerman.policy import Policy
from cornerman.registry import Registry
from cornerman.version_manifest import Provenance


def stored_champions(registry: Registry, spec: NetworkSpec, seed: int, say: Callable[[str], None]) -> list[Policy]:
    """The champions that load, oldest first, at least one; what is wrong with the others is said."""
    champion, sentences = registry.load_champion()
    for sentence in sentences:
        say(sentence)
    if champion is None:
        return [first_version(registry, spec, seed)]
    policies = []
    for version in registry.line[-KEPT:-1]:
        try:
            policies.append(registry.load(version))
        except CornermanError as error:
            say(str(error))
    return [*policies, champion]


def first_version(registry: Registry, spec: NetworkSpec, seed: int) -> Policy:
    """Draw, save and promote a version that has learned nothing; ModelError where it cannot be saved."""
    flat = draw(spec, np.random.default_rng([seed, 2]))
    version = registry.save(flat, Provenance(), spec=spec)
    registry.promote(version)
    return Policy(spec, flat, version)
