"""The five levels, and what they do to decisions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cornerman.policy.difficulty import LEVELS, level
from cornerman.policy.policy import CLEARLY_BAD, Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.settings import NUM_LEVELS

SPEC = NetworkSpec(2, 4, (3,))
VALUES = np.array([0.5, 0.45, 0.2, -3.0], np.float32)


def test_five_levels_never_get_gentler() -> None:
    assert [level(number) for number in range(1, NUM_LEVELS + 1)] == list(LEVELS)
    for number in (0, NUM_LEVELS + 1, -1):
        with pytest.raises(ValueError, match="1 to 5"):
            level(number)
    for gentler, stronger in pairwise(LEVELS):
        assert gentler.temperature > stronger.temperature
        assert gentler.versions_back >= stronger.versions_back
    assert (LEVELS[-1].temperature, LEVELS[-1].versions_back) == (0.0, 0)
    assert len({each.name for each in LEVELS}) == 5


def test_a_gentler_level_plays_the_best_move_less_often_and_never_a_clearly_bad_one() -> None:
    flat = np.zeros(SPEC.num_parameters, np.float32)
    flat[-4:] = VALUES
    policy, random = Policy(SPEC, flat), np.random.default_rng(0)
    best = []
    for each in LEVELS:
        taken = [policy.act(np.zeros(2, np.float32), np.ones(4, bool), random, each.temperature) for _ in range(2000)]
        best.append(taken.count(0) / len(taken))
        assert all(VALUES[0] - VALUES[action] <= CLEARLY_BAD * max(each.temperature, 1e-9) for action in set(taken))
    assert best == sorted(best)
    assert best[0] < 0.6
    assert best[-1] == 1.0
