"""n-step returns of many rows at once against nstep.py, which builds them one by one."""

from __future__ import annotations

import numpy as np
import pytest

from cornerman.contract import Source, Transition
from cornerman.experience.n_step import NStep
from cornerman.experience.n_step_batch import n_step_columns
from cornerman.experience.transitions import fit, pack, unpack

SIZES = (3, 2)


def battles(seed: int) -> list[Transition]:
    """Whole battles of two seats, told in turn as a recorder does; the last one of each seat ends it."""
    random = np.random.default_rng(seed)
    rows = []
    for battle in range(12):
        left = [int(random.integers(1, 7)), int(random.integers(0, 7))]
        numbers = [0, 0]
        while any(left):
            seat = int(random.integers(2)) if all(left) else int(left[0] == 0)
            left[seat] -= 1
            over = left[seat] == 0
            rows.append(
                Transition(
                    random.normal(size=3).astype(np.float32),
                    np.array([True, True]),
                    int(random.integers(2)),
                    float(np.float32(random.normal())),
                    np.zeros(3, np.float32) if over else random.normal(size=3).astype(np.float32),
                    np.array([not over, not over]),
                    0.0 if over else 1.0,
                    battle,
                    seat,
                    numbers[seat],
                    Source.PLUGIN,
                    Source.SCRIPTED,
                    4,
                )
            )
            numbers[seat] += 1
    return rows


def key(row: Transition) -> tuple[int, int, int]:
    return row.battle_id, row.seat, row.index


@pytest.mark.parametrize("n", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("seed", range(3))
def test_equal_to_one_by_one(n: int, seed: int) -> None:
    rows = battles(seed)
    one_by_one = NStep(n, 0.9)
    wanted = {key(row): row for told in rows for row in one_by_one.push(told)}
    for battle in range(12):
        wanted |= {key(row): row for row in one_by_one.end(battle)}
    shuffled = np.random.default_rng(seed).permutation(len(rows))
    columns = n_step_columns({name: column[shuffled] for name, column in pack(rows, *SIZES).items()}, n, 0.9)
    assert fit(columns, *SIZES) is None
    found = unpack(columns)
    assert {key(row) for row in found} == set(wanted)
    for row in found:
        other = wanted[key(row)]
        assert row.reward == pytest.approx(other.reward, abs=1e-6)
        assert row.discount == pytest.approx(other.discount, abs=1e-6)
        assert (row.next_observation == other.next_observation).all()
        assert (row.next_action_mask == other.next_action_mask).all()
        assert (row.observation == other.observation).all()
        assert (row.action, row.version) == (other.action, other.version)


def test_it_does_not_reach_over_what_is_missing() -> None:
    """Without a seat's second decision, the first one's return ends before it and bootstraps there."""
    rows = [row for row in battles(0) if row.seat == 0]
    battle = next(row.battle_id for row in rows if row.index == 3)
    kept = [row for row in rows if row.battle_id == battle and row.index != 1]
    first = next(row for row in unpack(n_step_columns(pack(kept, *SIZES), 3, 0.5)) if row.index == 0)
    assert first.discount == 0.5
    assert first.reward == pytest.approx(kept[0].reward, abs=1e-6)


def test_n_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        n_step_columns(pack(battles(0), *SIZES), 0, 0.9)
