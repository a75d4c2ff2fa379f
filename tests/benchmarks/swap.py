"""A swap of the policy that plays: the longest that it holds up a thread, and whether a read is ever torn."""

from __future__ import annotations

import sys
import threading
import time
from statistics import median

import numpy as np

from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import PolicySlot
from cornerman.policy.q_network import NetworkSpec
from tests.benchmarks.figures import Figure
from tests.support.opinions import opinion

SPEC = NetworkSpec(32, 16)
SWAPS = 2_000
DECISIONS = 1_000_000
HOSTILE_SWITCH_S = 1e-5
"""The interpreter changes threads 500 times as often as it does by itself, to find torn reads."""


def run(repeats: int) -> list[Figure]:
    """The pause over what the same read costs without a swap, and torn reads in a million decisions."""
    policies = [Policy(SPEC, opinion(SPEC, seed), seed) for seed in (1, 2)]
    pauses = [pause_us(policies) for _ in range(repeats)]
    torn, swaps = torn_reads(DECISIONS)
    note = f"{swaps:,} swaps meanwhile, threads changed every {HOSTILE_SWITCH_S * 1e6:.0f} us"
    return [
        Figure("swap.pause_us", median(pauses), "us", "lower", repeats, "", f"the longest of {SWAPS} swaps a repeat"),
        Figure("swap.torn", float(torn), f"in {DECISIONS:,}", "lower", 1, "", note),
    ]


def pause_us(policies: list[Policy]) -> float:
    """The longest that promoting a version and reading it held the one thread that does both."""
    slot, longest = PolicySlot([policies[0]]), 0.0
    for number in range(SWAPS):
        begun = time.perf_counter()
        slot.promote(policies[number % 2])
        current = slot.champion
        longest = max(longest, time.perf_counter() - begun)
        assert current is policies[number % 2]
    return 1e6 * longest


def torn_reads(decisions: int) -> tuple[int, int]:
    """Decisions that are neither the one version's nor the other's, while a thread swaps all the time.

    Each version prefers one action in every layer that it has, so a mixture of the two shows.
    """
    spec = NetworkSpec(4, 4, (4,))
    versions = [_decided(spec, action) for action in range(spec.num_actions)]
    slot, stop, swaps = PolicySlot([versions[0]]), threading.Event(), [0]

    def swap() -> None:
        while not stop.is_set():
            swaps[0] += 1
            slot.promote(versions[swaps[0] % len(versions)])

    observation, thread, torn = np.ones(4, np.float32), threading.Thread(target=swap), 0
    expected = {policy.version: policy.q_values(observation).copy() for policy in versions}
    interval = sys.getswitchinterval()
    sys.setswitchinterval(HOSTILE_SWITCH_S)
    thread.start()
    try:
        for _ in range(decisions):
            policy = slot.champion
            torn += not (policy.q_values(observation) == expected[policy.version]).all()
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)
    return torn, swaps[0]


def _decided(spec: NetworkSpec, action: int) -> Policy:
    flat = opinion(spec, action)
    flat[-spec.num_actions :] = -1.0
    flat[-spec.num_actions + action] = 10.0 * (action + 1)
    return Policy(spec, flat, action)
