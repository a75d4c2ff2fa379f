"""Recorder: turn events to checked transitions, from one decision of a seat to the same seat's next decision.

One thread at a time (event_queue.py sees to that). Nothing here raises: what cannot be used is rejected, counted in
`rejected`, and explained once a reason in `examples`. It must not import torch or write files.

What a rejected turn costs: a transition never runs over a decision that is not known, so the same seat's open decision
is rejected with it. A reward is measured from state to state across every turn, also those that were rejected.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from operator import index as as_index
from typing import Any

import numpy as np

from cornerman.contract import BattleEnd, Bools, DataError, Floats, Source, State, Transition, printable
from cornerman.experience.encoder import Encoder, described, legal_action, number, shown
from cornerman.experience.open_battle import Decision, OpenBattle, Seen, Turn
from cornerman.experience.rewards import RewardCalculator, Sides, numbered_sides
from cornerman.experience.transitions import MAX_PLAYER_NAME, row_bytes

MAX_OPEN_BATTLES = 256
"""More than these at once are battles that the game forgot to end: the oldest is abandoned."""
MAX_BATTLE_BYTES = 4 * 2**20
"""A battle that goes on beyond so many bytes of transitions is handed over in parts, each a cut-off battle."""
NONE_ENDED = 8
"""So many battles under way and none that has ended, and a message names the hook that is missing."""
NOT_AS_CHOSEN = 3
"""So many decisions after which the game made another action than was chosen, and a message names the last one."""
REMEMBERED_BATTLES = 1024
"""How many battles that have ended or were refused are still known by their id, to explain what comes of them yet."""
NOBODY = -(2**63)
"""The seat of a turn whose seat is no number."""
_LARGEST_NUMBER = 2**63


class Recorder:
    """Checks, encodes and pairs up the events of a game's battles, and hands over finished transitions."""

    def __init__(
        self,
        encoder: Encoder,
        rewards: RewardCalculator,
        hand_over: Callable[[Transition | BattleEnd], None],
        say: Callable[[str], object] | None = None,
        max_open_battles: int = MAX_OPEN_BATTLES,
        max_battle_bytes: int = MAX_BATTLE_BYTES,
    ) -> None:
        """`hand_over` is called with every finished item, in order; `say` with a sentence once a reason."""
        self._encoder, self.rewards = encoder, rewards
        self._hand_over, self._say = hand_over, say
        self._max_open_battles = max_open_battles
        self._max_transitions = max(2, max_battle_bytes // row_bytes(encoder.observation_size, encoder.num_actions))
        self._battles: OrderedDict[int, OpenBattle] = OrderedDict()
        self._gone: OrderedDict[int, tuple[str, str]] = OrderedDict()  # why: reason and sentence
        self._nothing = (np.zeros(encoder.observation_size, np.float32), np.zeros(encoder.num_actions, np.bool_))
        self.forget()

    def quality(self) -> dict[str, Any]:
        """What was recorded, rejected and clamped, as plain data: counts, and an example sentence a reason."""
        return {
            "recorded": self.recorded,
            "rejected": dict(self.rejected),
            "clamped": dict(self.clamped),
            "examples": dict(self.examples),
            "abandoned": self.abandoned,
            "not_as_chosen": self.not_as_chosen,
        }

    def forget(self) -> None:
        """Drop the counts and the examples, which may quote what the player did."""
        self.recorded = self.abandoned = self.not_as_chosen = 0
        self.rejected, self.clamped = Counter[str](), Counter[str]()
        self.examples: dict[str, str] = {}

    # ------------------------------------------------------------------------------------------------ events of a game

    def start(
        self,
        battle_id: int,
        seats: Mapping[int, Source],
        sides: Mapping[int, int] | None = None,
        player: str | None = None,
    ) -> None:
        """A battle begins; `seats` names those that are recorded, one or more, and who decides for each.

        `sides` says which seats win together; a seat that it does not name is a side of its own. `player` names the
        player where the game has several.
        """
        try:
            number, known, allies = _battle_id(battle_id), _seats(battle_id, seats), self._sides(battle_id, sides)
            battle = OpenBattle(number, known, allies, self._player(player))
            self.rewards.check_seats(battle_id, battle.seats, battle.sides)
        except DataError as error:
            self._reject(error)
            if error.reason != "battle" and battle_id not in self._battles:
                self._remember(battle_id, error.reason, str(error))
            return
        if unknown := [seat for seat, source in battle.seats.items() if source is Source.UNKNOWN]:
            sentence = f"Battle {battle_id} does not say who decides for the seats {unknown}"
            self._clamp("who decides", f'{sentence}: give "player", "plugin" or "scripted" for each.')
        declared, own = self._encoder.declaration, [seat for seat, who in battle.seats.items() if who is Source.PLUGIN]
        if not declared.seats_alike and not set(own) <= set(declared.plugin_seats):
            sentence = f"Battle {battle_id} has the plugin in the seats {own}, declared are {declared.plugin_seats}"
            self._clamp("role", f"{sentence}: elsewhere nothing is learned. Declare num_seats and plugin_seats.")
        if battle_id in self._battles:
            self._never_ended(battle_id, "was started again before it ended")
        while len(self._battles) >= self._max_open_battles:
            oldest = next(iter(self._battles))
            self._never_ended(oldest, f"never ended and is the oldest of {len(self._battles)}")
        self._battles[battle_id] = battle
        if len(self._battles) == NONE_ENDED and not self._gone:
            begun = f"{NONE_ENDED} battles have begun and none has ended"
            self._explain("never ended", f"{begun}; call on_battle_end for every battle: its outcome is what teaches.")
        self._gone.pop(battle_id, None)

    def chose(self, battle_id: int, seat: int, action: int, version: int) -> None:
        """Note what the policy chose, so that a transition names its version only where the game played that action."""
        with suppress(DataError):  # its turn will be counted, if it comes
            self._find(battle_id).choices[_seat(seat)] = (action, version)

    def turn(
        self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool], action: int, next_state: State
    ) -> None:
        """One action was applied: `seat` decided `action` in `state`, and `next_state` came of it."""
        try:
            battle = self._find(battle_id)
        except DataError as unknown:
            self._reject(unknown)
            return
        before = decision = after = error = None
        try:
            seat = _seat(seat)
        except DataError as caught:
            seat, error = NOBODY, caught
        try:
            before = self._see(state, battle.sides, False)
            if error is None and seat in battle.seats:
                mask = self._encoder.mask(action_mask)
                decision = Decision(self._encoder.observe(before.reading, state, seat, self._clamp), mask)
                where = f" by seat {seat} in battle {battle_id}"
                decision.action = legal_action(action, mask, self._encoder.declaration.action_names, where)
            after = self._see(next_state, battle.sides, self._encoder.reads_whole_state)
        except DataError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 - a state is the game's own object: reading it may raise anything
            error = DataError("error", f"Reading a turn failed with {described(caught)}.")
        error = self._record(battle, Turn(seat, before, decision, after), error)
        if error is not None:
            self._reject(error)
        if battle.num_transitions >= self._max_transitions:
            self._hand_over(BattleEnd(battle.battle_id, {}, True, battle.seats, player=battle.player))
            battle.restart()

    def end(self, battle_id: int, outcome: Mapping[int, float], truncated: bool = False) -> None:
        """A battle is over: every open decision is closed with the outcome, or bootstraps where a limit cut it off."""
        try:
            battle = self._find(battle_id)
        except DataError as error:
            self._reject(error)
            return
        self._close(battle)
        battle.settle(self.rewards)
        try:
            results = _results(battle_id, outcome, battle.seats)
        except DataError as caught:
            results = {}
            if not truncated:
                self._reject(caught)
                battle.open.clear()
        for seat, decision in battle.open.items():
            try:
                self._finish_last(battle, seat, decision, results, truncated)
            except DataError as caught:
                self._reject(caught)
        ended = battle.seats if results else ()  # an outcome may name more seats than are recorded
        standing = {} if battle.now is None else self.rewards.stood(battle.now.standing, battle.sides, ended)
        cut_off = bool(truncated) or not results
        self._hand_over(BattleEnd(battle_id, results, cut_off, battle.seats, standing, battle.player))

    def abandon(self, battle_id: int) -> None:
        """A battle will not be finished: complete transitions stay, open decisions go, and it ends as truncated."""
        with suppress(DataError):  # an unknown battle has nothing to abandon
            self._abandon(self._find(battle_id))

    # --------------------------------------------------------------------------------------------------------- internal

    def _record(self, battle: OpenBattle, turn: Turn, error: DataError | None) -> DataError | None:
        """Add one turn to its battle; returns why it was rejected, or None.

        Whatever of a rejected turn can be trusted still serves: a good state closes the decision before it.
        """
        error = battle.begin_moment(turn, self.rewards) or error
        if turn.seat in battle.seats:
            seat, decision = turn.seat, turn.decision
            previous, choice = battle.open.pop(seat, None), battle.choices.pop(seat, None)
            if decision is not None:
                if previous is not None:
                    self._finish(battle, seat, previous, (decision.observation, decision.action_mask), 1.0)
                if error is None and battle.open_decision(seat, decision, choice) and choice is not None:
                    self._played_another(battle.battle_id, seat, decision, choice[0])
            battle.counts[seat] += 1
        elif error is None:
            known = sorted(battle.seats)
            sentence = f"Seat {shown(turn.seat)} played in battle {battle.battle_id}, which has seats {known}."
            error = DataError("seat", sentence)
        return battle.lead_to(turn.after, self.rewards, str(error)) or error

    def _played_another(self, battle_id: int, seat: int, decision: Decision, chosen: int) -> None:
        """Count a decision of which the game made another action than `chosen`; after some of them, say so."""
        self.not_as_chosen += 1
        if self.not_as_chosen == NOT_AS_CHOSEN:
            names, mask = self._encoder.declaration.action_names, decision.action_mask
            look = "play what choose_action returns"
            if not mask[chosen]:
                look = "on_turn's action mask forbids that one, so give choose_action the same mask"
            played = f"the game played {names[decision.action]!r} where {names[chosen]!r} was chosen"
            sentence = f"In battle {battle_id}, seat {seat}, {played}, as in {NOT_AS_CHOSEN - 1} decisions before"
            self._explain("not as chosen", f"{sentence}: {look}. These are not learned as the plugin's own.")

    def _sides(self, battle_id: int, sides: Mapping[int, int] | None) -> Sides:
        sides = self._encoder.declaration.allies if sides is None else sides
        try:
            return numbered_sides({as_index(seat): as_index(side) for seat, side in sides.items()})
        except (TypeError, AttributeError) as error:
            given = f"The sides {shown(sides)} of battle {battle_id} are unusable ({error})"
            raise DataError("sides", f"{given}; they map seats to sides, both whole numbers.") from error

    def _player(self, player: Any) -> str:
        name = player_name(player)
        if player is not None and name != player:
            wanted = f"give a text of at most {MAX_PLAYER_NAME} printable characters"
            self._clamp("player", f"The player's name {shown(player)} counts as {name!r}; {wanted}.")
        return name

    def _see(self, state: State, sides: Sides, keep: bool) -> Seen:
        reading = self._encoder.read(state, self._clamp)
        return Seen(reading, self.rewards.standing(state, sides, self._clamp), state if keep else {})

    def _find(self, battle_id: int) -> OpenBattle:
        try:
            battle, gone = self._battles.get(battle_id), self._gone.get(battle_id)
        except TypeError as error:
            raise _no_number(battle_id) from error
        if battle is None and gone:
            raise DataError(*gone)
        if battle is None:
            _battle_id(battle_id)
            raise DataError("not started", f"Battle {shown(battle_id)} is not known; call on_battle_start first.")
        return battle

    def _finish_last(
        self, battle: OpenBattle, seat: int, decision: Decision, results: Mapping[int, float], truncated: bool
    ) -> None:
        if battle.now is None or battle.gap:
            sentence = f"The last turn of battle {battle.battle_id} was rejected, so its end cannot be credited"
            raise DataError("gap", f"{sentence}: {battle.gap}")
        if not truncated:
            decision.reward += self.rewards.outcome(results, seat)
            self._finish(battle, seat, decision, self._nothing, 0.0)
            return
        # A game does not say what the seat could do in the last state, so its last known mask is used.
        observation = self._encoder.observe(battle.now.reading, battle.now.state, seat, self._clamp)
        self._finish(battle, seat, decision, (observation, decision.action_mask), 1.0)

    def _finish(
        self, battle: OpenBattle, seat: int, decision: Decision, following: tuple[Floats, Bools], discount: float
    ) -> None:
        """Hand over one decision whose consequences are known; `following` is what the seat sees and may do next."""
        assert battle.now is not None, "it has gone on to the state in which the consequences are known"
        side = battle.sides.get(seat, seat)
        transition = Transition(
            decision.observation,
            decision.action_mask,
            decision.action,
            decision.reward + self.rewards.closing(battle.now.standing, side, discount == 0.0),
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
        battle.num_transitions += 1
        self._hand_over(transition)

    def _never_ended(self, battle_id: int, what: str) -> None:
        self._reject(DataError("never ended", f"Battle {battle_id} {what}; call on_battle_end for every battle."))
        self._abandon(self._battles[battle_id])

    def _abandon(self, battle: OpenBattle) -> None:
        self._close(battle)
        self.abandoned += 1
        self._hand_over(BattleEnd(battle.battle_id, {}, True, battle.seats, player=battle.player))

    def _close(self, battle: OpenBattle) -> None:
        del self._battles[battle.battle_id]
        ended = f"Battle {battle.battle_id} has ended; the game reports more of it."
        self._remember(battle.battle_id, "after the end", ended)

    def _remember(self, battle_id: int, reason: str, sentence: str) -> None:
        self._gone[battle_id] = reason, sentence
        if len(self._gone) > REMEMBERED_BATTLES:
            self._gone.popitem(last=False)

    def _reject(self, error: DataError) -> None:
        self.rejected[error.reason] += 1
        self._explain(error.reason, str(error))

    def _clamp(self, what: str, sentence: str) -> None:
        """A number of the game lies outside of its range, and the nearest one inside is used."""
        self.clamped[what] += 1
        self._explain(what, sentence)

    def _explain(self, reason: str, sentence: str) -> None:
        if reason not in self.examples:
            self.examples[reason] = sentence
            if self._say is not None:
                self._say(sentence)


def player_name(player: Any) -> str:
    """The name under which a player's decisions are learned: what can be used of what the game gave."""
    return printable(player)[:MAX_PLAYER_NAME] if isinstance(player, str) else ""


def _seat(seat: Any) -> int:
    try:
        return seat if type(seat) is int else as_index(seat)
    except TypeError:
        sentence = f"Seat {shown(seat)} must be a whole number, as in the states' characters."
        raise DataError("seat", sentence) from None


def as_key(battle_id: Any) -> Any:
    """A battle id that can be looked up; a text stands for one that cannot, such as a list, and is rejected as such."""
    try:
        hash(battle_id)
    except TypeError:
        return shown(battle_id)
    return battle_id


def _battle_id(battle_id: Any) -> int:
    try:
        if abs(as_index(battle_id)) < _LARGEST_NUMBER:
            return as_index(battle_id)
    except TypeError:
        pass
    raise _no_number(battle_id)


def _no_number(battle_id: Any) -> DataError:
    sentence = f"The battle id {shown(battle_id)} must be a whole number of at most 63 bits; number the battles."
    return DataError("battle", sentence)


def _seats(battle_id: int, seats: Mapping[int, Source]) -> dict[int, Source]:
    try:
        known = {as_index(seat): Source(source) for seat, source in seats.items()}
    except (TypeError, ValueError, AttributeError) as error:
        given = f"The seats {shown(seats)} of battle {battle_id} are unusable ({error})"
        raise DataError("seats", f"{given}; they are whole numbers, as in the states' characters.") from error
    if not known:
        raise DataError("seats", f"Battle {battle_id} was started without a seat; name at least one.")
    if any(abs(seat) >= _LARGEST_NUMBER for seat in known):
        raise DataError("seats", f"The seats {shown(seats)} of battle {battle_id} have numbers of more than 63 bits.")
    return known


def _results(battle_id: int, outcome: Any, seats: Mapping[int, Source]) -> dict[int, float]:
    try:
        results = {as_index(seat): number(result, "A result") for seat, result in outcome.items()}
    except (TypeError, AttributeError, DataError):
        results = {}
    if not set(seats) <= set(results) or not all(-1.0 <= result <= 1.0 for result in results.values()):
        wanted = f"a number from -1 (lost) to 1 (won) for each of the seats {sorted(seats)}"
        raise DataError("outcome", f"The outcome {shown(outcome)} of battle {battle_id} must hold {wanted}.")
    return results
