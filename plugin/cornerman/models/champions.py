"""Who plays: at a start the stored champions, or a first version that has learned nothing; later, who played before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cornerman.contract import CornermanError, ModelError
from cornerman.models.manifest import Provenance
from cornerman.models.registry import Registry
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import KEPT, PolicySlot
from cornerman.policy.q_network import NetworkSpec, draw


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


def roll_back(
    slot: PolicySlot,
    registry: Registry,
    tell: Callable[[str], None],
    warn: Callable[[str], None] | None = None,
    why: str = "",
) -> Policy | None:
    """The predecessor plays from the next decision on and at the next start; None where there is none.

    `tell` hears what plays now, `warn` (or else `tell`) why that could not be noted on the disk. The thread that owns
    the registry.
    """
    policy = slot.roll_back()
    if policy is None:
        return None
    try:
        registry.roll_back()
    except ModelError as error:
        (warn or tell)(str(error))
    tell(f"{why} Version {policy.version} plays again.".strip())
    return policy


def first_version(registry: Registry, spec: NetworkSpec, seed: int) -> Policy:
    """Draw, save and promote a version that has learned nothing; ModelError where it cannot be saved."""
    flat = draw(spec, np.random.default_rng([seed, 2]))
    version = registry.save(flat, Provenance(), spec=spec)
    registry.promote(version)
    return Policy(spec, flat, version)
