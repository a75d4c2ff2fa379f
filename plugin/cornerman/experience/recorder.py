"""Turn events to checked transitions: one decision of a seat to the same seat's next decision.

One thread at a time: news.py sees to that, and to what the game gave not changing any more. Nothing here raises: what
cannot be used is set aside, counted in `rejected`, and explained once a reason in `examples`. It must not import torch
or write files.

What a rejected turn costs: a transition never runs over a decision that is not known, so the same seat's open decision
is set aside with it. A reward is measured from state to state across every turn, also those that were rejected.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from operator import index as as_index
from typing import Any, NamedTuple

import numpy as np

from cornerman.contract import BattleEnd, Bools, DataError, Floats, Source, State, Transition
from cornerman.experience.encoder import Encoder, Reading, legal_action, read, shown
from cornerman.experience.rewards import RewardCalculator, Standing

MAX_OPEN_BATTLES = 256
"""More than these at once are battles that the game forgot to end: the oldest is abandoned."""

REMEMBERED_BATTLES = 1024
"""How many ended battles are still known by their id, to explain an event that comes after the end."""


class _Decision:
    """A decision whose consequences are not all known yet."""

    __slots__ = ("action", "action_mask", "index", "observation", "reward", "source", "version")

    def __init__(self, observation: Floats, action_mask: Bools, version: int) -> None:
        self.observation = observation
        self.action_mask = action_mask
        self.version = version
        self.action = -1
        self.index = 0
        self.reward = 0.0
        self.source = Source.UNKNOWN


class _Seen(NamedTuple):
    """What is kept of one state: plain numbers, and the state itself where the game encodes it."""

    reading: Reading
    standing: Standing
    state: State


class _Battle:
    """One open battle: who decides, what is still open, and where it stands."""

    def __init__(self, battle_id: int, seats: dict[int, Source]) -> None:
        self.battle_id = battle_id
        self.seats = seats
        self.opponents = {seat: _opponent(seats, seat) for seat in seats}
        self.open: dict[int, _Decision] = {}
        self.counts = dict.fromkeys(seats, 0)
        self.choices: dict[int, tuple[int, int]] = {}
        self.last: _Seen | None = None
        self.gap = False  # what the last turn led to is not known
        self.round = 1

    def record(
        self,
        seat: int,
        before: _Seen | None,
        decision: _Decision | None,
        after: _Seen | None,
        error: DataError | None,
        recorder: Recorder,
    ) -> DataError | None:
        """Take in one turn; returns why it was set aside, or None.

        Whatever of a rejected turn can be trusted still serves: a good state closes the decision before it.
        """
        if before is not None:
            error = self._advance(before, recorder.rewards) or error
        if seat in self.seats:
            previous, choice = self.open.pop(seat, None), self.choices.pop(seat, None)
            if decision is not None:
                if previous is not None:
                    recorder.finish(self, seat, previous, (decision.observation, decision.action_mask), 1.0)
                if error is None:
                    self._open(seat, decision, choice, recorder)
            self.counts[seat] += 1
        elif error is None:
            known = sorted(self.seats)
            error = DataError("seat", f"Seat {shown(seat)} played in battle {self.battle_id}, which has seats {known}.")
        self.gap = after is None
        if after is not None:
            error = self._advance(after, recorder.rewards) or error
        return error

    def _open(self, seat: int, decision: _Decision, choice: tuple[int, int] | None, recorder: Recorder) -> None:
        decision.index = self.counts[seat]
        decision.source = self.seats[seat]
        if choice is not None and choice[0] == decision.action:
            decision.version = choice[1]
        elif choice is not None:  # the game played something else: an honest row, but not the policy's decision
            decision.version = -1
            decision.source = Source.UNKNOWN
            recorder.not_as_chosen += 1
        self.open[seat] = decision

    def _advance(self, seen: _Seen, rewards: RewardCalculator) -> DataError | None:
        """Move on to a state and credit what changed; going back in time drops every open decision instead."""
        error = None
        if seen.reading.round < self.round:
            sentence = f"Battle {self.battle_id} went back from round {self.round} to {seen.reading.round}."
            error = DataError("time", f"{sentence} What was open has been set aside.")
            self.open.clear()
        elif self.last is not None and self.last.standing != seen.standing:
            for seat, decision in self.open.items():
                decision.reward += rewards.gain(self.last.standing, seen.standing, seat)
        self.round = seen.reading.round
        self.last = seen
        return error


class Recorder:
    """Checks, encodes and pairs up what a game tells about its battles, and hands over finished transitions."""

    def __init__(
        self,
        encoder: Encoder,
        rewards: RewardCalculator,
        hand_over: Callable[[Transition | BattleEnd], None],
        max_open_battles: int = MAX_OPEN_BATTLES,
    ) -> None:
        """`hand_over` is called with every finished item, in order."""
        self._encoder = encoder
        self.rewards = rewards
        self._hand_over = hand_over
        self._max_open_battles = max_open_battles
        self._battles: OrderedDict[int, _Battle] = OrderedDict()
        self._ended: OrderedDict[int, None] = OrderedDict()
        self._nothing = (np.zeros(encoder.observation_size, np.float32), np.zeros(encoder.num_actions, np.bool_))
        self.recorded = 0
        self.abandoned = 0
        self.not_as_chosen = 0
        self.rejected: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    @property
    def open_battles(self) -> int:
        """How many battles have begun and not ended."""
        return len(self._battles)

    def quality(self) -> dict[str, Any]:
        """What was recorded and what was set aside, as plain data: counts, and an example sentence a reason."""
        return {
            "recorded": self.recorded,
            "rejected": dict(self.rejected),
            "examples": dict(self.examples),
            "abandoned": self.abandoned,
            "not_as_chosen": self.not_as_chosen,
        }

    def forget(self) -> None:
        """Drop the counts and the examples, which may quote what the player did."""
        self.recorded = self.abandoned = self.not_as_chosen = 0
        self.rejected, self.examples = Counter(), {}

    def start(self, battle_id: int, seats: Mapping[int, Source]) -> None:
        """A battle begins; `seats` names those that are recorded, one or more, and who decides for each."""
        try:
            battle = _Battle(_battle_id(battle_id), _seats(battle_id, seats))
        except DataError as error:
            self._reject(error)
            return
        if battle_id in self._battles:
            self._forgotten(battle_id, "was started again before it ended")
        while len(self._battles) >= self._max_open_battles:
            oldest = next(iter(self._battles))
            self._forgotten(oldest, f"never ended and is the oldest of {len(self._battles)}")
        self._battles[battle_id] = battle
        self._ended.pop(battle_id, None)

    def chose(self, battle_id: int, seat: int, action: int, version: int) -> None:
        """Note what the policy chose, so that a row names its version only where the game did play that action."""
        with suppress(DataError):  # its turn will be counted, if it comes
            self._find(battle_id).choices[_whole(seat)] = (action, version)

    def turn(
        self,
        battle_id: int,
        seat: int,
        state: State,
        action_mask: Sequence[bool],
        action: int,
        next_state: State,
        version: int = -1,
    ) -> None:
        """One action was applied: `seat` decided `action` in `state`, and `next_state` came of it."""
        before = decision = after = error = None
        if type(seat) is not int:
            seat = _whole(seat)
        try:
            before = self._see(state, False)
            mask = self._encoder.mask(action_mask)
            decision = _Decision(self._encoder.observe(before.reading, state, seat), mask, version)
            decision.action = legal_action(action, mask)
            after = self._see(next_state, self._encoder.reads_whole_state)
        except DataError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 - a state is the game's own object: reading it may raise anything
            error = DataError("error", f"Reading a turn failed with {type(caught).__name__}: {caught}.")
        try:
            error = self._find(battle_id).record(seat, before, decision, after, error, self)
        except DataError as caught:
            error = caught
        if error is not None:
            self._reject(error)

    def end(self, battle_id: int, outcome: Mapping[int, int], truncated: bool = False) -> None:
        """A battle is over: every open decision is closed with the outcome, or bootstraps where a limit cut it off."""
        try:
            battle = self._find(battle_id)
        except DataError as error:
            self._reject(error)
            return
        self._forget(battle_id)
        try:
            results = _results(battle_id, outcome, battle.seats)
        except DataError as error:
            results = {}
            if not truncated:
                self._reject(error)
                battle.open.clear()
        for seat, decision in battle.open.items():
            try:
                self._close(battle, seat, decision, results, truncated)
            except DataError as error:
                self._reject(error)
        self._hand_over(BattleEnd(battle_id, results, bool(truncated) or not results, battle.seats))

    def abandon(self, battle_id: int) -> None:
        """A battle will not be finished: what is complete stays, open decisions go; the end is told as truncated."""
        with suppress(DataError):  # an unknown battle has nothing to give up
            self._abandon(self._find(battle_id))

    def finish(
        self, battle: _Battle, seat: int, decision: _Decision, following: tuple[Floats, Bools], discount: float
    ) -> None:
        """Hand over one decision whose consequences are known; `following` is what the seat sees and may do next."""
        transition = Transition(
            decision.observation,
            decision.action_mask,
            decision.action,
            decision.reward,
            following[0],
            following[1],
            discount,
            battle.battle_id,
            seat,
            decision.index,
            decision.source,
            battle.opponents[seat],
            decision.version,
        )
        self.recorded += 1
        self._hand_over(transition)

    def _see(self, state: State, keep: bool) -> _Seen:
        return _Seen(read(state), self.rewards.standing(state), state if keep else {})

    def _find(self, battle_id: int) -> _Battle:
        try:
            battle, ended = self._battles.get(battle_id), battle_id in self._ended
        except TypeError as error:
            raise DataError("battle", f"The battle id {shown(battle_id)} must be a whole number.") from error
        if battle is None and ended:
            raise DataError("after the end", f"Battle {battle_id} has ended, and yet the game told more of it.")
        if battle is None:
            raise DataError("not started", f"Battle {shown(battle_id)} is not known; tell on_battle_start first.")
        return battle

    def _close(
        self, battle: _Battle, seat: int, decision: _Decision, results: Mapping[int, int], truncated: bool
    ) -> None:
        if battle.last is None or battle.gap:
            sentence = f"The last turn of battle {battle.battle_id} was set aside, so its end cannot be credited."
            raise DataError("gap", sentence)
        if not truncated:
            decision.reward += self.rewards.outcome(results, seat)
            self.finish(battle, seat, decision, self._nothing, 0.0)
            return
        # What the seat could do in the last state is not told by the game; its last known mask stands in for it.
        observation = self._encoder.observe(battle.last.reading, battle.last.state, seat)
        self.finish(battle, seat, decision, (observation, decision.action_mask), 1.0)

    def _forgotten(self, battle_id: int, what: str) -> None:
        self._reject(DataError("never ended", f"Battle {battle_id} {what}; it was abandoned."))
        self._abandon(self._battles[battle_id])

    def _abandon(self, battle: _Battle) -> None:
        self._forget(battle.battle_id)
        self.abandoned += 1
        self._hand_over(BattleEnd(battle.battle_id, {}, True, battle.seats))

    def _forget(self, battle_id: int) -> None:
        del self._battles[battle_id]
        self._ended[battle_id] = None
        if len(self._ended) > REMEMBERED_BATTLES:
            self._ended.popitem(last=False)

    def _reject(self, error: DataError) -> None:
        self.rejected[error.reason] += 1
        self.examples[error.reason] = str(error)


def _whole(seat: Any) -> int:
    """A seat as a plain int; -1, where nobody sits, for what is none."""
    try:
        return as_index(seat)
    except TypeError:
        return -1


def _battle_id(battle_id: Any) -> int:
    try:
        if abs(as_index(battle_id)) < 2**63:
            return as_index(battle_id)
    except TypeError:
        pass
    raise DataError("battle", f"The battle id {shown(battle_id)} must be a whole number of at most 63 bits.")


def _seats(battle_id: int, seats: Mapping[int, Source]) -> dict[int, Source]:
    try:
        known = {as_index(seat): Source(source) for seat, source in seats.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError("seats", f"The seats {shown(seats)} of battle {battle_id} are unusable: {error}.") from error
    if not known:
        raise DataError("seats", f"Battle {battle_id} was started without a seat; name at least one.")
    return known


def _opponent(seats: Mapping[int, Source], seat: int) -> Source:
    """Who sits opposite: the one kind of all other seats, UNKNOWN where there is none or they differ."""
    others = {source for other, source in seats.items() if other != seat}
    return others.pop() if len(others) == 1 else Source.UNKNOWN


def _results(battle_id: int, outcome: Any, seats: Mapping[int, Source]) -> dict[int, int]:
    try:
        results = {as_index(seat): as_index(result) for seat, result in outcome.items()}
    except (TypeError, AttributeError):
        results = {}
    if not set(seats) <= set(results) or not set(results.values()) <= {-1, 0, 1}:
        wanted = f"1, 0 or -1 for each of the seats {sorted(seats)}"
        raise DataError("outcome", f"The outcome {shown(outcome)} of battle {battle_id} must hold {wanted}.")
    return results
