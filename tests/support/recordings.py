"""A recorder whose every transition, end and rejection can be looked at; battles reach it as from a game."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cornerman.contract import BattleEnd, Source, Transition
from cornerman.experience.encoder import Encoder
from cornerman.experience.event_queue import EventQueue
from cornerman.experience.recorder import Recorder
from cornerman.experience.rewards import RewardCalculator, Sides
from tests.support.sample_states import EVERY, Duel, duel_state

SEATS = {0: Source.PLAYER, 1: Source.PLUGIN}
WON = {0: 1, 1: -1}


class Bench:
    """A recorder and everything it handed over; events are drained at once, or with `late` when a test says so."""

    def __init__(self, game: Any = None, late: bool = False, **limits: Any) -> None:
        self.encoder = Encoder(game or Duel())
        self.rewards = RewardCalculator(declared=self.encoder.declaration)
        self.out: deque[Transition | BattleEnd] = deque()
        self.recorder = Recorder(self.encoder, self.rewards, self.out.append, **limits)
        self.news = EventQueue(self.recorder, self.out, self.encoder.reads_whole_state)
        self._late = late

    @property
    def rows(self) -> list[Transition]:
        return [item for item in self.out if isinstance(item, Transition)]

    @property
    def ends(self) -> list[BattleEnd]:
        return [item for item in self.out if isinstance(item, BattleEnd)]

    @property
    def rejected(self) -> dict[str, int]:
        return dict(self.recorder.rejected)

    def begin(self, seats: Mapping[int, Source] = SEATS, battle_id: int = 1) -> None:
        self.news.start(battle_id, seats)
        self._read()

    def turn(self, seat: Any = 0, state: Any = None, after: Any = None, action: Any = 0, **more: Any) -> None:
        state = duel_state() if state is None else state
        given = {"battle_id": 1, "action_mask": EVERY, **more}
        self.news.turn(seat=seat, state=state, action=action, next_state=state if after is None else after, **given)
        self._read()

    def end(self, outcome: Any = None, truncated: bool = False, battle_id: int = 1) -> None:
        self.news.end(battle_id, WON if outcome is None else outcome, truncated)
        self._read()

    def _read(self) -> None:
        if not self._late:
            self.news.drain()


def change(rewards: RewardCalculator, state: Any, after: Any, seat: int, sides: Sides | None = None) -> float:
    """The reward of `seat` for what happened between two states."""
    before, now = rewards.standing(state, sides), rewards.standing(after, sides)
    return rewards.gain(before, now, (sides or {}).get(seat, seat))


def one_of(bench: Bench, reason: str) -> str:
    """Exactly one rejection, of this reason; its sentence."""
    assert bench.rejected == {reason: 1}
    sentence = bench.recorder.examples[reason]
    assert sentence.endswith(".")
    assert len(sentence) > 30
    return sentence


def plain(row: Transition) -> tuple[Any, ...]:
    masks = [tuple(mask.tolist()) for mask in (row.action_mask, row.next_action_mask)]
    observations = [row.observation.tolist(), row.next_observation.tolist()]
    reward = round(row.reward, 9)
    return (row.seat, row.index, observations[0], masks[0], row.action, reward, observations[1], masks[1], row.discount)


def assert_same(found: Iterable[Transition], wanted: Iterable[Transition]) -> None:
    """The same transitions, each once, in any order; numbers may differ by 1e-6."""
    rows, others = (sorted(given, key=lambda row: (row.battle_id, row.seat, row.index)) for given in (found, wanted))
    assert len(rows) == len(others)
    for row, other in zip(rows, others, strict=True):
        for name in ("battle_id", "seat", "index", "action", "discount", "source", "opponent", "version"):
            assert getattr(row, name) == getattr(other, name), name
        for name in ("reward", "observation", "action_mask", "next_observation", "next_action_mask"):
            np.testing.assert_allclose(getattr(row, name), getattr(other, name), 0.0, 1e-6, err_msg=name)
