"""A game that asks playing backends for its decisions, and the policies that play in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornerman.contract import Floats
from cornerman.edge.backends import Build, PlayingBackends
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from tests.support.opinions import opinion

SPEC = NetworkSpec(6, 5, (12, 8))


def policy_of(seed: int = 0, spec: NetworkSpec = SPEC) -> Policy:
    return Policy(spec, opinion(spec, seed), seed)


def observations(count: int = 50) -> Floats:
    return np.random.default_rng(1).normal(size=(count, SPEC.observation_size)).astype(np.float32)


class DecidingGame:
    """What a running game gives the backends, and what they report to it."""

    def __init__(self, wanted: str, build: dict[str, Build], policy: Policy | None = None) -> None:
        self.said: list[str] = []
        self.figures: dict[str, Any] = {}
        self.policy = policy or policy_of()
        self.backends = PlayingBackends(wanted, self.policy, build, self.said.append, self.figures.update)

    def decide(self, policy: Policy | None = None, count: int = 1) -> None:
        """Decisions as a game asks for them, each the policy's own."""
        policy, mask = policy or self.policy, np.array([True, False, True, True, True])
        for observation in observations(count):
            action = policy.act(observation, mask, np.random.default_rng(0), q_values=self.backends.of(policy))
            assert action == policy.act(observation, mask, np.random.default_rng(0))

    def built(self, policy: Policy) -> bool:
        return self.backends.of(policy) is not None
