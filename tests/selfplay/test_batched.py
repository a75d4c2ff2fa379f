"""Batched self-play against its naive twin: the recorder, given the same battles turn by turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cornerman.contract import BattleEnd, Bools, ContractError, Floats, Source, Transition
from cornerman.experience.encoder import Encoder
from cornerman.experience.recorder import Recorder
from cornerman.experience.rewards import RewardCalculator
from cornerman.experience.transitions import faults, fit, unpack
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.batched import BatchedAgent, SelfPlay, Tally
from game_adapter.ringside.batched.battle import VectorBattle
from game_adapter.ringside.batched.lineups import drawn_lineups
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.roster import SHAPES
from tests.support.recordings import assert_same

ENCODER = Encoder(RINGSIDE)
SIZES = ENCODER.observation_size, ENCODER.num_actions
SPEC = NetworkSpec(*SIZES, (16,))


def policy(seed: int, version: int = 3) -> Policy:
    random = np.random.default_rng(seed)
    flat = draw(SPEC, random)
    flat[-SPEC.num_actions * 17 :] = random.normal(size=SPEC.num_actions * 17)
    return Policy(SPEC, flat, version)


class RecordedBattles:
    """A batch that also gives a recorder every turn, through battles of the scalar rules."""

    def __init__(self, battles: VectorBattle, shape: str, sources: tuple[Source, Source]) -> None:
        self._battles, self._shape, self._sources = battles, shape, sources
        self.num_battles = battles.num_battles
        self.recorded: list[Transition | BattleEnd] = []
        self.recorder = Recorder(ENCODER, RewardCalculator(), self.recorded.append)
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
            if source is Source.PLUGIN:
                self.recorder.chose(who, seat, action, 3)
            self.recorder.turn(who, seat, state, mask, action, battle.state())
            if row in over:
                self.recorder.end(who, battle.outcome)
        for row in over:
            self._ids[row], self._next_id = self._next_id, self._next_id + 1
            self._single[row] = self._start(row)
        return ended


@pytest.mark.parametrize("shape", SHAPES)
def test_collect_gives_the_recorders_transitions(shape: str) -> None:
    """Every field of every transition, over stretches that cut battles anywhere."""
    battles = RecordedBattles(VectorBattle(6, 4, drawn_lineups(shape)), shape, (Source.PLUGIN, Source.SCRIPTED))
    play = SelfPlay(battles, *SIZES, np.random.default_rng(1), turns=7)
    random = np.random.default_rng(2)

    def scripted(_: Any, rows: Any, __: Any) -> Any:
        masks = np.zeros((6, SIZES[1]), np.bool_)
        battles.observe(np.zeros((6, SIZES[0]), np.float32), masks)
        return np.array([random.choice(masks[row].nonzero()[0]) for row in rows])

    seats = np.array([[0] * 6, [1] * 6])
    play.seat([BatchedAgent("policy", policy(1), 0.2), BatchedAgent("scripted", scripted)], seats)
    found = list[Transition]()
    num_battles, tally = 0, Tally()
    for _ in range(30):
        collected = play.collect()
        assert fit(collected.columns, *SIZES) is None
        assert not any(wrong.any() for wrong in faults(collected.columns).values())
        found += unpack(collected.columns)
        num_battles += collected.battles
        for counted in collected.tallies.values():
            assert counted.outcome == counted.wins - counted.losses
            assert counted.squares == counted.wins + counted.losses
            tally.wins += counted.wins
            tally.draws += counted.draws
            tally.losses += counted.losses
    ends = [end for end in battles.recorded if isinstance(end, BattleEnd)]
    assert num_battles == len(ends) == tally.battles >= 10
    assert tally.wins == sum(end.outcome[0] == 1 for end in ends)
    assert not battles.recorder.rejected
    assert_same(found, (row for row in battles.recorded if isinstance(row, Transition)))


class CuttingOff:
    """A batch that says that a battle was cut off, and not what its seats saw then."""

    def __init__(self, battles: VectorBattle) -> None:
        self._battles = battles

    def __getattr__(self, name: str) -> Any:
        return getattr(self._battles, name)

    def step(self, actions: Any) -> Any:
        ended = self._battles.step(actions)
        ended.truncated[:] = True
        return ended


def test_collect_refuses_a_batch_that_cuts_off_without_a_final_observation() -> None:
    play = SelfPlay(CuttingOff(RINGSIDE.new_battles(64, 0)), *SIZES, np.random.default_rng(0), turns=60)
    play.seat([BatchedAgent("policy", policy(1))], np.zeros((2, 64), np.int64))
    with pytest.raises(ContractError, match="without final_observation"):
        play.collect()


def test_seat_refuses_seats_without_an_agent() -> None:
    play = SelfPlay(RINGSIDE.new_battles(4, 0), *SIZES, np.random.default_rng(0))
    with pytest.raises(ValueError, match="indices of the 1 agents"):
        play.seat([BatchedAgent("policy", policy(1))], np.ones((2, 4), np.int64))
