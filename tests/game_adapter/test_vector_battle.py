"""The batched rules against the scalar ones, battle for battle: the naive twin is game_adapter/ringside/battle.py.

`make battles` compares 100,000 random battles in all, of every shape of teams.
"""

from __future__ import annotations

import os
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornerman.contract import BatchedGame
from cornerman.experience.encoder import Encoder
from game_adapter.ringside.batched.battle import VectorBattle
from game_adapter.ringside.batched.chance import battle_seeds
from game_adapter.ringside.batched.lineups import Lineups, drawn_lineups, given_lineups
from game_adapter.ringside.battle import Battle
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.roster import SHAPES, RosterEntry

NUM_BATTLES = int(os.environ.get("CORNERMAN_BATTLES", "900"))
ENCODER = Encoder(RINGSIDE)
TOLERANCE = 1e-6


class Twins:
    """The same battles twice, in step: batched, and one by one."""

    def __init__(self, lineups: Lineups, new_battle: object, seed: int, count: int) -> None:
        self.batch = VectorBattle(count, seed, lineups)
        self._new = new_battle
        self.single: list[Battle] = [self._new(int(number)) for number in self.batch.seeds]  # type: ignore[operator]
        self.observations = np.full((count, ENCODER.observation_size), np.nan, np.float32)
        self.masks = np.zeros((count, ENCODER.num_actions), np.bool_)
        self.ended = 0

    def compare(self, row: int) -> None:
        battle = self.single[row]
        state = battle.state()
        assert self.batch.state(row) == state
        assert self.batch.seat[row] == battle.seat
        assert self.batch.acting[row] == battle.acting
        assert self.masks[row].tolist() == battle.action_mask()
        assert battle.seat is not None
        seen = ENCODER.encode(state, battle.seat)
        assert np.abs(self.observations[row] - seen).max() < TOLERANCE
        exact = [*range(18), *range(22, 25), *range(29, 32), *range(39, 43)]
        assert (self.observations[row, exact] == seen[exact]).all()
        assert self.batch.standing[row] == pytest.approx(share(battle), abs=TOLERANCE)

    def turn(self, random: Random, compared: float = 1.0) -> None:
        """One turn in every row, with comparisons before it in so many of them."""
        self.batch.observe(self.observations, self.masks)
        for row in range(len(self.single)):
            if random.random() < compared:
                self.compare(row)
        actions = np.array([random.choice(np.flatnonzero(mask).tolist()) for mask in self.masks])
        ended = self.batch.step(actions)
        over = {}
        for row, (battle, action) in enumerate(zip(self.single, actions.tolist(), strict=True)):
            battle.apply(action)
            if battle.outcome is not None:
                over[row] = (battle.outcome[0], pytest.approx(share(battle), abs=TOLERANCE))
                self.single[row] = self._new(int(self.batch.seeds[row]))  # type: ignore[operator]
        results = zip(ended.outcome.tolist(), ended.standing.tolist(), strict=True)
        assert dict(zip(ended.rows.tolist(), results, strict=True)) == over
        assert not ended.truncated.any()
        self.ended += len(over)


def share(battle: Battle) -> float:
    sums = [[0.0, 0.0], [0.0, 0.0]]
    for fighter in battle.fighters:
        sums[fighter.seat][0] += fighter.health
        sums[fighter.seat][1] += fighter.max_health
    return sums[0][0] / sums[0][1] - sums[1][0] / sums[1][1]


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_battle_for_battle(shape: str) -> None:
    """States, masks, observations, outcomes and what follows a battle's end, for the game's own teams."""
    wanted = -(-NUM_BATTLES // len(SHAPES))
    twins = Twins(drawn_lineups(shape), lambda seed: RINGSIDE.new_battle(seed, shape), 5, min(wanted, 64))
    random = Random(shape)
    while twins.ended < wanted:
        twins.turn(random, compared=0.25)


def entries() -> st.SearchStrategy[RosterEntry]:
    number = st.integers
    return st.builds(
        RosterEntry,
        name=st.sampled_from("abcdefgh"),
        health=st.one_of(number(1, 30), number(1, 3000)),
        attack=st.one_of(number(1, 60), number(1, 1000)),
        defense=st.one_of(number(0, 60), number(0, 1000)),
        speed=st.one_of(number(1, 4), number(0, 1000)),
    )


@settings(max_examples=20, deadline=None)
@given(data=st.data(), shape=st.sampled_from(SHAPES), seed=st.integers(0, 2**63))
def test_equal_for_any_teams(data: st.DataObject, shape: str, seed: int) -> None:
    """Teams that no roster holds: equal speeds, huge blows, fighters of one point of health."""
    sizes = int(shape[0]), int(shape[2])
    teams = [tuple(data.draw(st.lists(entries(), min_size=size, max_size=size)) for size in sizes) for _ in range(3)]
    twins = Twins(given_lineups(teams), lambda number: Battle(teams[number % 3], number), seed, 4)  # type: ignore[arg-type]
    for _ in range(40):
        twins.turn(Random(seed))


def test_every_row_has_seeds_of_its_own() -> None:
    rows = np.repeat(np.arange(200), 5)
    numbers = np.tile(np.arange(5), 200)
    seeds = battle_seeds(3, rows, numbers)
    assert len(set(seeds.tolist())) == 1000
    assert seeds.max() < 2**48
    assert not set(seeds.tolist()) & set(battle_seeds(4, rows, numbers).tolist())


def test_same_seed_gives_the_same_batch() -> None:
    first, second = (RINGSIDE.new_battles(8, 9) for _ in range(2))
    for _ in range(100):
        masks = np.zeros((8, 11), np.bool_)
        first.observe(np.zeros((8, 57), np.float32), masks)
        actions = masks.argmax(1)
        assert (first.step(actions).rows == second.step(actions).rows).all()
    assert [first.state(row) for row in range(8)] == [second.state(row) for row in range(8)]
    assert isinstance(RINGSIDE, BatchedGame)
    with pytest.raises(ValueError, match="plays 1v1"):
        RINGSIDE.new_battles(2, 0, "4v4")


@pytest.mark.parametrize("bot", ["brawler", "tactician"])
@pytest.mark.parametrize("shape", SHAPES)
def test_batched_bots_act_as_the_scalar_ones(shape: str, bot: str) -> None:
    """The same action; the random fighter any legal one."""
    batch, random = RINGSIDE.new_battles(40, 1, shape), np.random.default_rng(0)
    masks = np.zeros((40, 11), np.bool_)
    rows, everyone = np.arange(3, 40), np.arange(40)
    single = [RINGSIDE.new_battle(int(seed), shape) for seed in batch.seeds]
    different = turns = 0
    for _ in range(40):
        batch.observe(np.zeros((40, 57), np.float32), masks)
        actions = RINGSIDE.batched_bots[bot](batch, rows, random)
        other = RINGSIDE.batched_bots["random"](batch, everyone, random)
        assert masks[everyone, other].all()
        wanted = [RINGSIDE.bots[bot](single[row], Random(0)) for row in rows]
        different, turns = different + int((actions != wanted).sum()), turns + len(rows)
        other[rows[::2]] = actions[::2]
        for row in batch.step(other).rows:
            single[row] = RINGSIDE.new_battle(int(batch.seeds[row]), shape)
            other[row] = -1
        for battle, action in zip(single, other.tolist(), strict=True):
            if action >= 0:
                battle.apply(action)
    assert different <= turns // 500  # two actions that are worth the same in float32
