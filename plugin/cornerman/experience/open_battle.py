"""One battle under way, as the recorder keeps it: open decisions, and what came of them so far. Plain data in and out.

Simultaneous decisions: the turns of several seats with the same state and next state are decisions of one moment, each
credited with what came of that moment. So what a turn led to is credited only when the next moment begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cornerman.contract import Bools, DataError, Floats, Source, State
from cornerman.experience.encoder import Reading
from cornerman.experience.rewards import RewardCalculator, Sides, Standing


@dataclass(slots=True)
class Decision:
    """A decision whose consequences are not all known yet."""

    observation: Floats
    action_mask: Bools
    action: int = -1  # none that may be learned from
    index: int = 0
    reward: float = 0.0
    source: Source = Source.UNKNOWN
    version: int = -1


class Seen(NamedTuple):
    """What is kept of one state: plain numbers, and the state itself where the game encodes it."""

    reading: Reading
    standing: Standing
    state: State


def _alike(one: Seen | None, other: Seen | None) -> bool:
    """Whether two states look the same to every seat and reward."""
    return one is not None and other is not None and one[:2] == other[:2]


class Turn(NamedTuple):
    """One turn as far as it can be used."""

    seat: int
    before: Seen | None
    decision: Decision | None
    after: Seen | None


class OpenBattle:
    """One open battle: who decides, what is still open, and where it stands."""

    def __init__(self, battle_id: int, seats: dict[int, Source], sides: Sides, player: str = "") -> None:
        self.battle_id = battle_id
        self.player = player
        self.seats = seats
        self.sides = sides
        self.opponents = {seat: _opponent(seats, sides, seat) for seat in seats}
        self.open: dict[int, Decision] = {}
        self.counts = dict.fromkeys(seats, 0)
        self.choices: dict[int, tuple[int, int]] = {}
        self.num_transitions = 0
        self.now: Seen | None = None  # up to which every reward is credited
        self.after: Seen | None = None  # what the last turn led to, not yet credited
        self.acted: set[int] = set()  # the seats whose decisions led there
        self.gap = ""  # why what the last turn led to is not known
        self.round = 1

    def begin_moment(self, turn: Turn, rewards: RewardCalculator) -> DataError | None:
        """Credit what the last moment led to, unless the turn belongs to it, and go on to the turn's own state."""
        same = _alike(turn.before, self.now) and _alike(turn.after, self.after)
        if not same or turn.seat in self.acted:
            self.settle(rewards)
        self.acted.add(turn.seat)
        return None if turn.before is None else self._advance(turn.before, rewards)

    def settle(self, rewards: RewardCalculator) -> None:
        """Credit what the last moment led to."""
        if self.after is not None:
            self._advance(self.after, rewards)
        self.after = None
        self.acted.clear()

    def lead_to(self, after: Seen | None, rewards: RewardCalculator, gap: str) -> DataError | None:
        """Note what a turn led to, or in `gap` why that is not known; going back in time is an error at once."""
        self.after, self.gap = after, gap if after is None else ""
        if after is None or after.reading.round >= self.round:
            return None
        self.after = None
        return self._advance(after, rewards)

    def open_decision(self, seat: int, decision: Decision, choice: tuple[int, int] | None) -> bool:
        """Open a decision; True where the game played another action than the policy chose."""
        decision.index = self.counts[seat]
        decision.source = self.seats[seat]
        other = choice is not None and choice[0] != decision.action
        if other:  # an honest transition, but not the policy's decision
            decision.source = Source.UNKNOWN
        elif choice is not None:
            decision.version = choice[1]
        self.open[seat] = decision
        return other

    def restart(self) -> None:
        """Go on as a new battle: what is open is dropped, as its beginning lies in the old one."""
        self.open.clear()
        self.counts = dict.fromkeys(self.seats, 0)
        self.num_transitions = 0

    def _advance(self, seen: Seen, rewards: RewardCalculator) -> DataError | None:
        """Move on to a state and credit what changed; going back in time drops every open decision instead."""
        error = None
        if seen.reading.round < self.round:
            sentence = f"Battle {self.battle_id} went back from round {self.round} to {seen.reading.round}."
            error = DataError("time", f"{sentence} What was open is not recorded.")
            self.open.clear()
        elif self.now is not None and self.now.standing != seen.standing:
            for seat, decision in self.open.items():
                decision.reward += rewards.gain(self.now.standing, seen.standing, self.sides.get(seat, seat))
        self.round = seen.reading.round
        self.now = seen
        return error


def _opponent(seats: Mapping[int, Source], sides: Sides, seat: int) -> Source:
    """Who sits opposite: the one kind of all seats of other sides, UNKNOWN where there is none or they differ."""
    own = sides.get(seat, seat)
    others = {source for other, source in seats.items() if sides.get(other, other) != own}
    return others.pop() if len(others) == 1 else Source.UNKNOWN
