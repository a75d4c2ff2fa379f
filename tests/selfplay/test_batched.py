"""Batched self-play against its naive twin: the recorder, told of the same battles turn by turn."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.contract import BattleEnd, Bools, Floats, Source, Transition
from cornerman.evaluation.arena import MAX_TURNS
from cornerman.experience.encoder import Encoder
from cornerman.experience.recorder import Recorder
from cornerman.experience.rewards import RewardCalculator
from cornerman.experience.transitions import faults, fit, take, unpack
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.batched import Player, SelfPlay, Tally
from cornerman.selfplay.scalar import ScalarBattles, one_by_one
from game_adapter.ringside.batched.battle import VectorBattle
from game_adapter.ringside.batched.lineups import drawn_lineups
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.roster import SHAPES

ENCODER = Encoder(RINGSIDE)
SIZES = ENCODER.observation_size, ENCODER.num_actions
SPEC = NetworkSpec(*SIZES, (16,))


def policy(seed: int, version: int = 3) -> Policy:
    random = np.random.default_rng(seed)
    flat = draw(SPEC, random)
    flat[-SPEC.num_actions * 17 :] = random.normal(size=SPEC.num_actions * 17)
    return Policy(SPEC, flat, version)


class Spied:
    """A batch that also tells a recorder of every turn, through battles of the scalar rules."""

    def __init__(self, battles: VectorBattle, shape: str, sources: tuple[Source, Source]) -> None:
        self._battles, self._shape, self._sources = battles, shape, sources
        self.num_battles = battles.num_battles
        self.told: list[Transition | BattleEnd] = []
        self.recorder = Recorder(ENCODER, RewardCalculator(), self.told.append)
        self._ids = list(range(self.num_battles))
        self._next_id = self.num_battles
        self._single = [self._start(row) for row in range(self.num_battles)]

    def _start(self, row: int) -> Any:
        self.recorder.start(self._ids[row], dict(enumerate(self._sources)))
        return RINGSIDE.new_battle(int(self._battles.seeds[row]), self._shape)

    @property
    def seat(self) -> Any:
        return self._battles.seat

    @property
    def standing(self) -> Floats:
        return self._battles.standing

    def observe(self, observations: Floats, action_masks: Bools) -> None:
        self._battles.observe(observations, action_masks)

    def step(self, actions: Any) -> Any:
        ended = self._battles.step(actions)
        over = ended.rows.tolist()
        for row, (battle, action) in enumerate(zip(self._single, actions.tolist(), strict=True)):
            state, mask, seat, who = battle.state(), battle.action_mask(), battle.seat, self._ids[row]
            battle.apply(action)
            source = self._sources[seat]
            version = 3 if source is Source.PLUGIN else -1
            self.recorder.turn(who, seat, state, mask, action, battle.state(), version)
            if row in over:
                self.recorder.end(who, battle.outcome)
        for row in over:
            self._ids[row], self._next_id = self._next_id, self._next_id + 1
            self._single[row] = self._start(row)
        return ended


def key(row: Transition) -> tuple[int, int, int]:
    return row.battle_id, row.seat, row.index


@pytest.mark.parametrize("shape", SHAPES)
def test_transitions_are_the_recorders(shape: str) -> None:
    """Every field of every transition, over stretches that cut battles anywhere."""
    battles = Spied(VectorBattle(6, 4, drawn_lineups(shape)), shape, (Source.PLUGIN, Source.SCRIPTED))
    play = SelfPlay(battles, *SIZES, np.random.default_rng(1), turns=7)  # type: ignore[arg-type]
    random = np.random.default_rng(2)

    def scripted(_: Any, rows: Any, __: Any) -> Any:
        masks = np.zeros((6, SIZES[1]), np.bool_)
        battles.observe(np.zeros((6, SIZES[0]), np.float32), masks)
        return np.array([random.choice(masks[row].nonzero()[0]) for row in rows])

    seats = np.array([[0] * 6, [1] * 6])
    play.seat([Player("policy", policy(1), 0.2), Player("scripted", scripted)], seats)
    found: dict[tuple[int, int, int], Transition] = {}
    num_battles, tally = 0, Tally()
    for _ in range(30):
        collected = play.collect()
        assert fit(collected.columns, *SIZES) is None
        assert not any(wrong.any() for wrong in faults(collected.columns).values())
        rows = unpack(collected.columns)
        found |= {key(row): row for row in rows}
        num_battles += collected.battles
        for counted in collected.tallies.values():
            tally.wins += counted.wins
            tally.draws += counted.draws
            tally.losses += counted.losses
    told = {key(row): row for row in battles.told if isinstance(row, Transition)}
    ends = [end for end in battles.told if isinstance(end, BattleEnd)]
    assert num_battles == len(ends) == tally.battles >= 10
    assert tally.wins == sum(end.outcome[0] == 1 for end in ends)
    assert not battles.recorder.rejected
    assert set(found) == set(told)
    for at, row in found.items():
        wanted = told[at]
        assert (row.action, row.discount, row.source, row.opponent, row.version) == (
            wanted.action,
            wanted.discount,
            wanted.source,
            wanted.opponent,
            wanted.version,
        )
        assert row.reward == pytest.approx(wanted.reward, abs=1e-6)
        assert (row.action_mask == wanted.action_mask).all()
        assert (row.next_action_mask == wanted.next_action_mask).all()
        assert np.abs(row.observation - wanted.observation).max() < 1e-6
        assert np.abs(row.next_observation - wanted.next_observation).max() < 1e-6


def test_the_wrapper_plays_the_games_own_battles() -> None:
    """Scalar battles behind the batched protocol record what the batched rules would."""
    battles = ScalarBattles(RINGSIDE, ENCODER, 5, 0)
    play = SelfPlay(battles, *SIZES, np.random.default_rng(0), turns=11)
    bots = [Player(name, one_by_one(RINGSIDE.bots[name])) for name in ("tactician", "random")]
    play.seat([*bots, Player("policy", policy(2))], np.array([[0, 0, 2, 2, 2], [1, 1, 1, 0, 2]]))
    tally = Tally()
    for _ in range(40):
        collected = play.collect()
        assert not any(wrong.any() for wrong in faults(collected.columns).values())
        tally.wins += collected.tallies.get(("tactician", "random"), Tally()).wins
        tally.losses += collected.tallies.get(("tactician", "random"), Tally()).losses
    assert tally.wins > 3 * tally.losses
    assert tally.battles > 10


def test_a_battle_that_never_ends_is_cut_off_and_its_open_decisions_are_dropped() -> None:
    battles = ScalarBattles(RINGSIDE, ENCODER, 3, 0, max_turns=6)
    play = SelfPlay(battles, *SIZES, np.random.default_rng(0), turns=12)
    play.seat([Player("guards", lambda _, rows, __: np.full(len(rows), 6))], np.zeros((2, 3), np.int64))
    collected = play.collect()
    assert collected.battles == 6
    assert (collected.columns["discount"] == 1.0).all()
    assert collected.columns["index"].max() < 3
    assert MAX_TURNS > 6


def test_the_same_seeds_give_the_same_rows() -> None:
    rows = []
    for _ in range(2):
        play = SelfPlay(RINGSIDE.new_battles(16, 3), *SIZES, np.random.default_rng(1), turns=9)
        play.seat([Player("policy", policy(1), 0.1)], np.zeros((2, 16), np.int64))
        play.collect()
        rows.append({name: column.copy() for name, column in play.collect().columns.items()})
    assert all((rows[0][name] == column).all() for name, column in rows[1].items())


def test_a_batch_of_decisions_is_what_single_decisions_are() -> None:
    """Greedy actions from a batch are those of `act`, and exploring keeps to the masks."""
    battles, one = RINGSIDE.new_battles(300, 3), policy(5)
    observations, masks = np.zeros((300, SIZES[0]), np.float32), np.zeros((300, SIZES[1]), np.bool_)
    random = np.random.default_rng(0)
    for _ in range(12):
        battles.observe(observations, masks)
        greedy = one.act_batch(observations, masks, random)
        single = [one.act(row, mask, Random(0)) for row, mask in zip(observations, masks, strict=True)]
        assert (greedy == single).mean() > 0.995  # values that are equal within float32 may be told apart otherwise
        wild = one.act_batch(observations, masks, random, epsilon=0.5)
        assert masks[np.arange(300), wild].all()
        assert 0.25 < (wild != greedy).mean() < 0.5
        battles.step(wild)


def test_a_policy_that_learned_nothing_plays_anything_legal() -> None:
    nothing = Policy(SPEC, draw(SPEC, np.random.default_rng(0)))
    masks = np.zeros((4000, SIZES[1]), np.bool_)
    masks[:, [2, 5, 9]] = True
    actions = nothing.act_batch(np.zeros((4000, SIZES[0]), np.float32), masks, np.random.default_rng(0))
    counts = np.bincount(actions, minlength=11)
    assert set(actions.tolist()) == {2, 5, 9}
    assert counts[[2, 5, 9]].min() > 1200


def test_seats_must_be_players() -> None:
    play = SelfPlay(RINGSIDE.new_battles(4, 0), *SIZES, np.random.default_rng(0))
    with pytest.raises(ValueError, match="indices of the 1 players"):
        play.seat([Player("policy", policy(1))], np.ones((2, 4), np.int64))


def test_parts_of_columns_can_be_kept() -> None:
    """What the trainer keeps of a stretch must not change with the next one."""
    play = SelfPlay(RINGSIDE.new_battles(8, 0), *SIZES, np.random.default_rng(0), turns=5)
    play.seat([Player("policy", policy(1))], np.zeros((2, 8), np.int64))
    columns = play.collect().columns
    kept = take(columns, np.arange(10))
    before = kept["observation"].copy()
    play.collect()
    assert (kept["observation"] == before).all()
