"""State to observation: checks what a game gives, normalises it, and puts the deciding seat's own characters first.

The one place that decides what a usable state is; everything else trusts it. It keeps nothing between calls, so any
thread may use it. It must not import torch, change a state, or know any particular game.

Only what is no number (a text, None, NaN, infinity) costs a state. A number outside its range is read as the nearest
one inside: health below 0 is an overkill and counts as 0, health above maxHealth is a shield and counts as full, a stat
lies within ten times its declared scale, a feature of the game's own in -10 to 10, a round from 1 to max_rounds.
`clamp` is called where that is surely not meant, as for health beyond -maxHealth or twice maxHealth. An enemy known
only in percent is given as health 0 to 100 with maxHealth 100. A hidden stat is None and counts as 0.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from math import isfinite
from numbers import Real
from operator import index as as_index
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cornerman.contract import Bools, DataError, Floats, Game, State
from cornerman.experience.declaration import STANDARD, Declaration, declaration_of

LARGEST_FEATURE = 10.0
USUAL_HEALTH = 1_000_000_000
OURS, PYTHONS = str(Path(__file__).parents[1]), str(Path(os.__file__).parent)
"""Folders of code that is not the game's."""
_NUMBERS = frozenset({int, float})
_TRUTHS = frozenset({bool})

Clamp: TypeAlias = Callable[[str, str], object]
"""Called with what was clamped and a sentence."""


def silently(what: str, sentence: str) -> None:
    """Ignores what was clamped."""


class Reading(NamedTuple):
    """A checked state as plain numbers, free of the game's own objects."""

    round: int  # 1 where the game has no rounds
    seats: tuple[int, ...]  # a character each, in state order
    stats: tuple[tuple[float, ...], ...]  # health and the declared stats, normalised


class Encoder:
    """Turns one game's states into observations `[F]` and its action masks into `[A]`."""

    def __init__(self, game: Game) -> None:
        """ContractError where the game declares what cannot be used."""
        self.declaration = declared = declaration_of(game)
        self.num_actions = len(declared.action_names)
        self._own = len(declared.standard_features)
        self.feature_names: tuple[str, ...] = (*declared.standard_features, *declared.own_features)
        self.observation_size = len(self.feature_names)
        layout = json.dumps([self.feature_names, declared.action_names, declared.scales])
        self.version = hashlib.sha256(layout.encode()).hexdigest()[:12]

    @property
    def reads_whole_state(self) -> bool:
        """Whether more is read of a state than its standard characters and its round."""
        declared = self.declaration
        return bool(declared.encode or declared.standing or declared.max_rounds is None)

    def read(self, state: State, clamp: Clamp = silently) -> Reading:
        """Check one state and take its numbers; DataError with a sentence where anything cannot be used."""
        return read(state, self.declaration, clamp=clamp)

    def encode(self, state: State, seat: int) -> Floats:
        """The observation `[F]` of `seat` in a fresh array; DataError where the state cannot be used."""
        return self.observe(self.read(state), state, seat)

    def observe(self, reading: Reading, state: State, seat: int, clamp: Clamp = silently) -> Floats:
        """The observation `[F]` from what `read` gave; DataError as in `encode`."""
        numbers: list[float] = []
        others: list[float] = []
        for owner, stats in zip(reading.seats, reading.stats, strict=True):
            if owner == seat:
                numbers += stats
            else:
                others += stats
        if not numbers and reading.seats:
            known = sorted(set(reading.seats))
            raise DataError("seat", f"No character of the state is at seat {shown(seat)}; there are {known}.")
        numbers += others
        _finish(numbers, reading, self.declaration)
        if self.declaration.encode is not None:
            numbers += self._own_features(self.declaration.encode, state, seat, clamp)
        return np.array(numbers, np.float32)

    def mask(self, action_mask: Sequence[bool]) -> Bools:
        """The action mask as a fresh bool `[A]`; DataError where it does not fit the game or allows nothing."""
        return checked_mask(action_mask, self.num_actions)

    def _own_features(
        self, encode: Callable[[State, int], Sequence[float]], state: State, seat: int, clamp: Clamp
    ) -> list[float]:
        try:
            features = [float(number) for number in encode(state, seat)]
        except DataError:
            raise
        except Exception as error:  # the game's own code may raise anything, and must never break its own turn
            raise DataError("encode", f"The game's encode failed with {described(error)}.") from error
        wanted = self.observation_size - self._own
        if len(features) != wanted:
            raise DataError(
                "encode", f"The game's encode gave {len(features)} numbers; its feature_names are {wanted}."
            )
        for at, feature in enumerate(features):
            if not -LARGEST_FEATURE <= feature <= LARGEST_FEATURE:
                name = self.feature_names[self._own + at]
                sentence = f"The game's feature {name!r} is {feature:g}; scale it to about -1 to 1."
                if not isfinite(feature):
                    raise DataError("range", sentence)
                features[at] = min(max(feature, -LARGEST_FEATURE), LARGEST_FEATURE)
                clamp("a feature", sentence)
        return features


class StateProcessor:
    """The original design's direct form: the 18 standard numbers in state order, without a seat."""

    size = len(STANDARD.standard_features)

    def process(self, state: State) -> Floats:
        """The standard features `[18]` in a fresh array; DataError where the state cannot be used."""
        reading = read(state, STANDARD, with_seats=False)
        numbers = [number for stats in reading.stats for number in stats]
        _finish(numbers, reading, STANDARD)
        return np.array(numbers, np.float32)


def read(state: State, declared: Declaration, with_seats: bool = True, clamp: Clamp = silently) -> Reading:
    """Check one state and take its numbers; DataError with a sentence where anything cannot be used."""
    try:
        round_ = 1 if declared.max_rounds is None else state["round"]
        characters = state["characters"] if declared.max_characters else ()
    except (KeyError, TypeError) as error:
        keys = ["'round'"] * (declared.max_rounds is not None) + ["'characters'"] * (declared.max_characters > 0)
        raise DataError("state", f"The state {shown(state)} is not a mapping with {' and '.join(keys)}.") from error
    if declared.max_rounds is not None and (type(round_) is not int or not 1 <= round_ <= declared.max_rounds):
        round_ = _odd_round(round_, declared.max_rounds, clamp)
    if not declared.max_characters:
        return Reading(round_, (), ())
    if not isinstance(characters, (list, tuple)) or not 1 <= len(characters) <= declared.max_characters:
        raise _wrong_characters(characters, declared.max_characters)
    seats: list[int] = []
    stats: list[tuple[float, ...]] = []
    for at, character in enumerate(characters):
        try:
            seat = character["seat"] if with_seats else 0
            seats.append(seat if type(seat) is int else _odd_seat(seat, character, at))
            stats.append(_numbers(character, at, declared.stats, clamp))
        except (KeyError, TypeError) as error:
            raise _missing(character, at, with_seats, declared) from error
    return Reading(round_, tuple(seats), tuple(stats))


def _numbers(character: Any, at: int, declared: Sequence[tuple[str, float]], clamp: Clamp) -> tuple[float, ...]:
    """Health and stats of one character, normalised: what is as it should be at once, any oddity the careful way."""
    health, full = character["health"], character["maxHealth"]
    if type(health) in _NUMBERS and type(full) in _NUMBERS and 0 <= health <= full and 0 < full <= USUAL_HEALTH:
        numbers = [health / full]
    else:
        numbers = [_odd_health(character, at, clamp)]
    for name, scale in declared:
        value = character[name]
        if type(value) in _NUMBERS and 0 <= value <= LARGEST_FEATURE * scale:
            numbers.append(value / scale)
        else:
            numbers.append(_odd_stat(value, name, scale, _who(character, at), clamp))
    return tuple(numbers)


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


def legal_action(action: Any, mask: Bools, names: Sequence[str] = (), where: str = "") -> int:
    """An action as an index that its mask `[A]` allows; DataError otherwise, which gives its name and `where`."""
    try:
        at = -1 if isinstance(action, (bool, np.bool_)) else as_index(action)
    except TypeError:
        at = -1
    if not 0 <= at < len(mask):
        raise DataError("action", f"Action {shown(action)}{where} is not an index from 0 to {len(mask) - 1}.")
    if not mask[at]:
        name, wanted = f" ({names[at]!r})" if names else "", "give the mask of the state in which it was decided"
        raise DataError("illegal", f"Action {at}{name} was played{where} although its mask forbids it: {wanted}.")
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


def described(error: BaseException) -> str:
    """Type and text of what the game's code raised, and where it was: "KeyError: 'hand' (mygame/cards.py, line 7)"."""
    places, step = list[tuple[str, int]](), error.__traceback__
    while step is not None:
        places.append((step.tb_frame.f_code.co_filename, step.tb_lineno))
        step = step.tb_next
    others = [place for place in places if not place[0].startswith((OURS, "<"))]
    own = [place for place in others if not place[0].startswith(PYTHONS) and "site-packages" not in place[0]]
    where = [f" ({Path(*Path(file).parts[-2:])}, line {line})" for file, line in (own or others)[-1:]]
    return f"{type(error).__name__}: {error}{''.join(where)}"


def shown(value: object) -> str:
    """`value` as text of at most 80 characters, for a sentence; never raises."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a game's own __repr__ may raise anything, and a sentence is not worth a turn
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _finish(numbers: list[float], reading: Reading, declared: Declaration) -> None:
    """Append absent slots as zeros, then the round and the number of characters."""
    numbers += (0.0,) * (declared.max_characters * (1 + len(declared.stats)) - len(numbers))
    if declared.max_rounds is not None:
        numbers.append(reading.round / declared.max_rounds)
    if declared.max_characters:
        numbers.append(len(reading.seats) / declared.max_characters)


def _odd_round(value: Any, most: int, clamp: Clamp) -> int:
    round_ = number(value, "The state's round")
    if round_ < 1 or round_ != int(round_):
        clamp("the round", f"The state's round is {shown(value)}; rounds are whole numbers and count from 1.")
    elif round_ > most:
        clamp("the round", f"The state's round is {shown(value)} and counts as {most}; declare the game's max_rounds.")
    return int(min(max(round_, 1), most))


def _wrong_characters(characters: Any, most: int) -> DataError:
    if not isinstance(characters, (list, tuple)):
        return DataError("state", f"The state's characters are {shown(characters)}; they must be a list.")
    if not characters:
        return DataError("characters", "The state has no characters; a fallen one stays in it with health 0.")
    sentence = f"The state has {len(characters)} characters; an observation has room for {most}"
    return DataError("characters", f"{sentence} (declare the game's max_characters).")


def _who(character: Any, at: int) -> str:
    name = character.get("name") if hasattr(character, "get") else None
    return f"character {at + 1} ({shown(name)})" if name is not None else f"character {at + 1}"


def _missing(character: Any, at: int, with_seats: bool, declared: Declaration) -> DataError:
    stats = [name for name, _ in declared.stats]
    wanted = ("health", "maxHealth", *stats) + (("seat",) if with_seats else ())
    try:
        missing = [key for key in wanted if key not in character]
    except TypeError:
        return DataError("state", f"Of the state, {_who(character, at)} is {shown(character)}; it must be a mapping.")
    if missing == ["seat"]:
        sentence = f"Of the state, {_who(character, at)} has no 'seat'; every character says whose it is, e.g. 0 or 1."
        return DataError("seat", sentence)
    unknown = "; a stat that nobody may know is given as None, those that there are in the game's stats"
    unknown = unknown if set(missing) & set(stats) else ""
    return DataError("missing", f"Of the state, {_who(character, at)} has no {', '.join(missing)}{unknown}.")


def _odd_seat(value: Any, character: Any, at: int) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise DataError("seat", f"The seat of {_who(character, at)} is {shown(value)}; it must be a whole number.")
    return int(value)


def _odd_health(character: Any, at: int, clamp: Clamp) -> float:
    """The careful way: the share of health that the module's docstring allows, or the DataError that explains it."""
    who = _who(character, at)
    full, health = (
        number(character["maxHealth"], f"maxHealth of {who}"),
        number(character["health"], f"health of {who}"),
    )
    if full <= 0:
        clamp("maxHealth", f"maxHealth of {who} is {full:g}; it counts as fallen. maxHealth is above 0.")
    elif not -full <= health <= 2 * full:
        clamp("health", f"health of {who} is {health:g} of {full:g}; it counts as 0 or as full.")
    return min(max(health / full, 0.0), 1.0) if full > 0 else 0.0


def _odd_stat(value: Any, name: str, scale: float, who: str, clamp: Clamp) -> float:
    stat, largest = 0.0 if value is None else number(value, f"{name} of {who}"), LARGEST_FEATURE * scale
    if abs(stat) > largest:
        clamp(name, f"{name} of {who} is {stat:g}; it counts as {largest:,g}, the largest there is.")
    return min(max(stat, -largest), largest) / scale
