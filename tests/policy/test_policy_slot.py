"""The champions in memory, against a plain list."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import KEPT, PolicySlot
from cornerman.policy.q_network import NetworkSpec

SPEC = NetworkSpec(2, 2, (1,))


def policy(version: int) -> Policy:
    return Policy(SPEC, np.zeros(SPEC.num_parameters, np.float32), version)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.lists(st.sampled_from(["promote", "restart"]), max_size=40))
def test_it_does_what_a_plain_list_would(moves: list[str]) -> None:
    slot, plain, swaps = PolicySlot([policy(0)]), [0], 0
    for version, move in enumerate(moves, 1):
        if move == "promote":
            slot.promote(policy(version))
            plain = [*plain, version][-KEPT:]
        elif move == "restart":
            slot.restart(*(policy(each) for each in [*plain[:-1], version]))
            plain = [*plain[:-1], version]
        swaps += 1
        assert [each.version for each in slot.champions] == plain
        assert slot.champion.version == plain[-1]
        assert slot.oldest.version == plain[0]
        assert [slot.back(n).version for n in range(12)] == [plain[max(0, len(plain) - 1 - n)] for n in range(12)]
    assert slot.swaps == swaps


def test_only_the_newest_are_kept_at_the_start_and_one_is_needed() -> None:
    slot = PolicySlot([policy(version) for version in range(KEPT + 3)])
    assert [each.version for each in slot.champions] == list(range(3, KEPT + 3))
    with pytest.raises(ValueError, match="at least one"):
        PolicySlot([])
