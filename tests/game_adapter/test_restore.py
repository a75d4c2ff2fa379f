"""restore.py and batched/restored.py: battles that go on from a state are in that very moment, alone and in batches."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.roster import SHAPES


@pytest.mark.parametrize("shape", SHAPES)
def test_battles_go_on_from_any_moment(shape: str) -> None:
    random, states, seats, masks = Random(shape), [], [], []
    for seed in range(12):
        battle = RINGSIDE.new_battle(seed, shape)
        while battle.outcome is None:
            states.append(battle.state())
            seats.append(battle.seat or 0)
            masks.append(battle.action_mask())
            battle.apply(random.choice([action for action, legal in enumerate(masks[-1]) if legal]))
    batch = RINGSIDE.restore_battles(states, seats, np.arange(len(states)), np.arange(len(states), dtype=np.uint64))
    seen, legal = np.zeros((len(states), 57), np.float32), np.zeros((len(states), 11), np.bool_)
    batch.observe(seen, legal)
    assert legal.tolist() == masks
    assert batch.seat.tolist() == seats
    for row, state in enumerate(states):
        restored = RINGSIDE.restore(state, seats[row], random)
        assert restored.state() == state == batch.state(row)
        assert (restored.seat, restored.action_mask()) == (seats[row], masks[row])


def test_battle_that_is_over_does_not_go_on() -> None:
    battle = RINGSIDE.new_battle(1)
    while battle.outcome is None:
        battle.apply(battle.action_mask().index(True))
    with pytest.raises(ValueError, match="over"):
        RINGSIDE.restore(battle.state(), 0, Random(0))
