"""State to observation: checks what a game says, normalises it, and puts the deciding seat's own characters first.

The one place that decides what a usable state is; everything else trusts it. It keeps nothing between calls, so any
thread may use it. It must not import torch, change a state, or know any particular game.

Only what is no number (a text, None, NaN, infinity) costs a state. A number outside its range is read as the nearest
one inside: health below 0 is an overkill and counts as 0, health above maxHealth is a shield and counts as full, a stat
lies in -1,000 to 1,000, a feature of the game's own in -10 to 10, rounds begin at 1, and those above 20 count as 20.
`clamp` is called where that is surely not meant, as for health beyond -maxHealth or twice maxHealth. An enemy known
only in percent is given as health 0 to 100 with maxHealth 100. A stat that nobody may know is None and counts as 0.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from math import isfinite
from numbers import Real
from operator import index as as_index
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cornerman.contract import (
    MAX_CHARACTERS,
    MAX_ROUNDS,
    Bools,
    DataError,
    EncodingGame,
    Floats,
    Game,
    State,
    check_names,
)

STATS = ("attack", "defense", "speed")
SLOT_NAMES = ("health", *STATS)
STANDARD_SIZE = MAX_CHARACTERS * len(SLOT_NAMES) + 2
STAT_SCALE = 100.0
LARGEST_STAT = 1_000
USUAL_HEALTH = 1_000_000_000
LARGEST_FEATURE = 10.0
_PADDING = (0.0,) * (MAX_CHARACTERS * len(SLOT_NAMES))
_NUMBERS = frozenset({int, float})
_TRUTHS = frozenset({bool})

Clamp: TypeAlias = Callable[[str, str], object]
"""Called with what was clamped and a sentence."""


def _silently(what: str, sentence: str) -> None:
    """A Clamp that does nothing."""


class Reading(NamedTuple):
    """A checked state as plain numbers, free of the game's own objects."""

    round: int
    seats: tuple[int, ...]  # a character each, in state order
    stats: tuple[tuple[float, float, float, float], ...]  # health, attack, defense, speed, normalised


class Encoder:
    """Turns one game's states into observations `[F]` and its action masks into `[A]`."""

    def __init__(self, game: Game) -> None:
        """ContractError where the game's names go beyond the contract's limits."""
        check_names(game)
        self.num_actions = len(game.action_names)
        self._game = game if isinstance(game, EncodingGame) else None
        own = tuple(self._game.feature_names) if self._game else ()
        self.feature_names: tuple[str, ...] = (*standard_names(), *own)
        self.observation_size = len(self.feature_names)
        scales = (STAT_SCALE, MAX_ROUNDS, MAX_CHARACTERS)
        layout = json.dumps([self.feature_names, tuple(game.action_names), scales])
        self.version = hashlib.sha256(layout.encode()).hexdigest()[:12]

    @property
    def reads_whole_state(self) -> bool:
        """Whether the game adds features of its own, for which `observe` needs the state itself."""
        return self._game is not None

    def encode(self, state: State, seat: int) -> Floats:
        """The observation `[F]` of `seat` in a fresh array; DataError where the state cannot be used."""
        return self.observe(read(state), state, seat)

    def observe(self, reading: Reading, state: State, seat: int, clamp: Clamp = _silently) -> Floats:
        """The observation `[F]` from what `read(state)` gave; DataError as in `encode`."""
        numbers: list[float] = []
        others: list[float] = []
        for owner, stats in zip(reading.seats, reading.stats, strict=True):
            if owner == seat:
                numbers += stats
            else:
                others += stats
        if not numbers:
            known = sorted(set(reading.seats))
            raise DataError("seat", f"No character of the state is at seat {shown(seat)}; there are {known}.")
        numbers += others
        _finish(numbers, reading)
        if self._game is not None:
            numbers += self._own_features(state, seat, clamp)
        return np.array(numbers, np.float32)

    def mask(self, action_mask: Sequence[bool]) -> Bools:
        """The action mask as a fresh bool `[A]`; DataError where it does not fit the game or allows nothing."""
        return checked_mask(action_mask, self.num_actions)

    def _own_features(self, state: State, seat: int, clamp: Clamp) -> list[float]:
        assert self._game is not None
        try:
            features = [float(number) for number in self._game.encode(state, seat)]
        except DataError:
            raise
        except Exception as error:  # the game's own code may raise anything, and must never break its own turn
            raise DataError("encode", f"The game's encode failed with {type(error).__name__}: {error}.") from error
        wanted = self.observation_size - STANDARD_SIZE
        if len(features) != wanted:
            raise DataError(
                "encode", f"The game's encode gave {len(features)} numbers; its feature_names are {wanted}."
            )
        for at, feature in enumerate(features):
            if not -LARGEST_FEATURE <= feature <= LARGEST_FEATURE:
                name = self.feature_names[STANDARD_SIZE + at]
                sentence = f"The game's feature {name!r} is {feature:g}; scale it to about -1 to 1."
                if not isfinite(feature):
                    raise DataError("range", sentence)
                features[at] = min(max(feature, -LARGEST_FEATURE), LARGEST_FEATURE)
                clamp("a feature", sentence)
        return features


class StateProcessor:
    """The original design's direct form: the 18 standard numbers in state order, without a seat."""

    def process(self, state: State) -> Floats:
        """The standard features `[18]` in a fresh array; DataError where the state cannot be used."""
        reading = read(state, with_seats=False)
        numbers = [number for stats in reading.stats for number in stats]
        _finish(numbers, reading)
        return np.array(numbers, np.float32)


def standard_names() -> tuple[str, ...]:
    """What the 18 standard features are called; slot 1 is the deciding seat's first character."""
    slots = (f"slot {slot} {name}" for slot in range(1, MAX_CHARACTERS + 1) for name in SLOT_NAMES)
    return (*slots, "round", "characters")


def read(state: State, with_seats: bool = True, clamp: Clamp = _silently) -> Reading:
    """Check one state and take its numbers; DataError with a sentence where anything cannot be used."""
    try:
        characters, round_ = state["characters"], state["round"]
    except (KeyError, TypeError) as error:
        wanted = "a mapping with 'round' and 'characters'"
        raise DataError("state", f"The state {shown(state)} is not {wanted}.") from error
    if type(round_) is not int or not 1 <= round_ <= MAX_ROUNDS:
        round_ = _odd_round(round_, clamp)
    if not isinstance(characters, (list, tuple)) or not 1 <= len(characters) <= MAX_CHARACTERS:
        raise _wrong_characters(characters)
    seats: list[int] = []
    stats: list[tuple[float, float, float, float]] = []
    for at, character in enumerate(characters):
        try:
            health, full = character["health"], character["maxHealth"]
            attack, defense, speed = character["attack"], character["defense"], character["speed"]
            seat = character["seat"] if with_seats else 0
        except (KeyError, TypeError) as error:
            raise _missing(character, at, with_seats) from error
        if type(seat) is not int:
            seat = _odd_seat(seat, character, at)
        seats.append(seat)
        # One condition for everything that is as it should be: any oddity, NaN included, takes the careful way.
        if (
            type(health) in _NUMBERS
            and type(full) in _NUMBERS
            and type(attack) in _NUMBERS
            and type(defense) in _NUMBERS
            and type(speed) in _NUMBERS
            and 0 <= health <= full
            and 0 < full <= USUAL_HEALTH
            and 0 <= attack <= LARGEST_STAT
            and 0 <= defense <= LARGEST_STAT
            and 0 <= speed <= LARGEST_STAT
        ):
            stats.append((health / full, attack / STAT_SCALE, defense / STAT_SCALE, speed / STAT_SCALE))
        else:
            stats.append(_odd_stats(character, at, clamp))
    return Reading(round_, tuple(seats), tuple(stats))


def checked_mask(given: Sequence[bool], num_actions: int) -> Bools:
    """A game's action mask as a fresh bool `[A]`; DataError where it does not fit or allows nothing."""
    kind = type(given)
    # The usual case in plain Python: numpy's own checks of dtype and any() cost a cold cache twice as much.
    if (kind is list or kind is tuple) and len(given) == num_actions and _TRUTHS.issuperset(map(type, given)):
        mask = np.array(given, np.bool_)
        allows = True in given
    else:
        mask = _odd_mask(given, num_actions)
        allows = bool(mask.any())
    if not allows:
        raise DataError("mask", "The action mask allows no action; a seat that cannot act takes no decision.")
    return mask


def _odd_mask(given: Any, num_actions: int) -> Bools:
    try:
        mask = np.array(given)
    except ValueError:  # rows of unequal length
        mask = np.empty((0, 0))
    if mask.shape != (num_actions,):
        wanted = f"the game has {num_actions} actions, and each needs one truth value"
        raise DataError("mask", f"The action mask {shown(given)} does not fit: {wanted}.")
    if mask.dtype != np.bool_ and (mask.dtype.kind not in "iu" or mask.min() < 0 or mask.max() > 1):
        raise DataError("mask", f"The action mask {shown(given)} must hold True and False.")
    return mask.astype(np.bool_)


def legal_action(action: Any, mask: Bools) -> int:
    """An action as an index that its mask `[A]` allows; DataError otherwise."""
    try:
        at = -1 if isinstance(action, (bool, np.bool_)) else as_index(action)
    except TypeError:
        at = -1
    if not 0 <= at < len(mask):
        raise DataError("action", f"Action {shown(action)} is not an index from 0 to {len(mask) - 1}.")
    if not mask[at]:
        raise DataError("illegal", f"Action {at} was played although its action mask forbids it.")
    return at


def number(value: Any, what: str) -> float:
    """`value` as a finite float; DataError where it is text, a truth value, None, NaN or infinite."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise DataError("type", f"{what} is {shown(value)}; it must be a number.")
    try:
        as_float = float(value)
    except OverflowError:
        as_float = float("inf")
    if not isfinite(as_float):
        raise DataError("range", f"{what} is {shown(value)}; it must be a finite number.")
    return as_float


def shown(value: object) -> str:
    """`value` as text of at most 80 characters, for a sentence; never raises."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a game's own __repr__ may raise anything, and a sentence is not worth a turn
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _finish(numbers: list[float], reading: Reading) -> None:
    """Append absent slots as zeros, then the round and the number of characters."""
    numbers += _PADDING[len(numbers) :]
    numbers.append(reading.round / MAX_ROUNDS)
    numbers.append(len(reading.seats) / MAX_CHARACTERS)


def _odd_round(value: Any, clamp: Clamp) -> int:
    round_ = number(value, "The state's round")
    if round_ < 1 or round_ != int(round_):
        clamp("the round", f"The state's round is {shown(value)}; rounds are whole numbers and count from 1.")
    return int(min(max(round_, 1), MAX_ROUNDS))


def _wrong_characters(characters: Any) -> DataError:
    if not isinstance(characters, (list, tuple)):
        return DataError("state", f"The state's characters are {shown(characters)}; they must be a list.")
    if not characters:
        return DataError("characters", "The state has no characters; a fallen one stays in it with health 0.")
    sentence = f"The state has {len(characters)} characters; an observation has room for {MAX_CHARACTERS}."
    return DataError("characters", sentence)


def _who(character: Any, at: int) -> str:
    name = character.get("name") if hasattr(character, "get") else None
    return f"character {at + 1} ({shown(name)})" if name is not None else f"character {at + 1}"


def _missing(character: Any, at: int, with_seats: bool) -> DataError:
    wanted = ("health", "maxHealth", *STATS) + (("seat",) if with_seats else ())
    try:
        missing = [key for key in wanted if key not in character]
    except TypeError:
        return DataError("state", f"Of the state, {_who(character, at)} is {shown(character)}; it must be a mapping.")
    if missing == ["seat"]:
        sentence = f"Of the state, {_who(character, at)} has no 'seat'; every character says whose it is, e.g. 0 or 1."
        return DataError("seat", sentence)
    unknown = "; a stat that nobody may know is given as None" if set(missing) & set(STATS) else ""
    return DataError("missing", f"Of the state, {_who(character, at)} has no {', '.join(missing)}{unknown}.")


def _odd_seat(value: Any, character: Any, at: int) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise DataError("seat", f"The seat of {_who(character, at)} is {shown(value)}; it must be a whole number.")
    return int(value)


def _odd_stats(character: Any, at: int, clamp: Clamp) -> tuple[float, float, float, float]:
    """The careful way: read what the module's docstring allows, or raise the DataError that explains it."""
    who = _who(character, at)
    full, health = (
        number(character["maxHealth"], f"maxHealth of {who}"),
        number(character["health"], f"health of {who}"),
    )
    if full <= 0:
        clamp("maxHealth", f"maxHealth of {who} is {full:g}; it counts as fallen. maxHealth is above 0.")
    elif not -full <= health <= 2 * full:
        clamp("health", f"health of {who} is {health:g} of {full:g}; it counts as 0 or as full.")
    share = min(max(health / full, 0.0), 1.0) if full > 0 else 0.0
    return (share, *(_odd_stat(character[name], name, who, clamp) for name in STATS))  # type: ignore[return-value]


def _odd_stat(value: Any, name: str, who: str, clamp: Clamp) -> float:
    stat = 0.0 if value is None else number(value, f"{name} of {who}")
    if abs(stat) > LARGEST_STAT:
        clamp(name, f"{name} of {who} is {stat:g}; it counts as {LARGEST_STAT:,}, the largest there is.")
    return min(max(stat, -LARGEST_STAT), LARGEST_STAT) / STAT_SCALE
