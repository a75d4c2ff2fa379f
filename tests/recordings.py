"""A recorder whose every transition, end and rejection can be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cornerman.contract import BattleEnd, Source, Transition
from cornerman.encoder import Encoder
from cornerman.recorder import Recorder
from cornerman.rewards import RewardCalculator
from tests.sample_states import EVERY, Duel, duel_state

SEATS = {0: Source.PLAYER, 1: Source.PLUGIN}
WON = {0: 1, 1: -1}


class Bench:
    """A recorder and everything it handed over."""

    def __init__(self, game: Any = None, **limits: int) -> None:
        self.encoder = Encoder(game or Duel())
        self.rewards = RewardCalculator()
        self.out: list[Transition | BattleEnd] = []
        self.recorder = Recorder(self.encoder, self.rewards, self.out.append, **limits)

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
        self.recorder.start(battle_id, seats)

    def turn(self, seat: Any = 0, state: Any = None, after: Any = None, action: Any = 0, **more: Any) -> None:
        state = duel_state() if state is None else state
        given = {"battle_id": 1, "action_mask": EVERY, **more}
        self.recorder.turn(seat=seat, state=state, action=action, next_state=state if after is None else after, **given)

    def end(self, outcome: Any = None, truncated: bool = False, battle_id: int = 1) -> None:
        self.recorder.end(battle_id, WON if outcome is None else outcome, truncated)


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
