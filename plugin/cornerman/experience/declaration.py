"""What a game declares about itself: read once, at load, and refused there with a sentence, never in mid-game.

`contract.Game` says what each attribute means. Nothing of the game's is called here but its attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from cornerman.contract import (
    MAX_ACTIONS,
    MAX_FEATURES,
    MAX_NAME,
    MAX_NAMES,
    ContractError,
    Game,
    State,
    printable,
)

STATS: Mapping[str, float] = {"attack": 100.0, "defense": 100.0, "speed": 100.0}
"""The stats of a character where a game declares none: what each is divided by."""
MAX_CHARACTERS, MAX_ROUNDS = 4, 20
"""Where a game declares none."""
MOST_CHARACTERS, MOST_ROUNDS = 256, 1_000_000


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a game declared, checked; the defaults are those of a game that declares nothing but its names."""

    name: str = ""
    version: str = ""
    action_names: tuple[str, ...] = ()
    own_features: tuple[str, ...] = ()
    encode: Callable[[State, int], Sequence[float]] | None = None
    max_characters: int = MAX_CHARACTERS  # 0: states have no characters
    stats: tuple[tuple[str, float], ...] = tuple(STATS.items())  # and what each is divided by
    max_rounds: int | None = MAX_ROUNDS  # None: there are no rounds

    @property
    def standard_features(self) -> tuple[str, ...]:
        """Names of the standard features; slot 1 is the deciding seat's first character."""
        names = ("health", *(name for name, _ in self.stats))
        slots = [f"slot {slot} {name}" for slot in range(1, self.max_characters + 1) for name in names]
        return (*slots, *["round"] * (self.max_rounds is not None), *["characters"] * (self.max_characters > 0))

    @property
    def scales(self) -> tuple[Any, ...]:
        """What the standard features are divided by: part of what a stored version was trained for."""
        stats = 100.0 if self.stats == tuple(STATS.items()) else [scale for _, scale in self.stats]
        return stats, self.max_rounds, self.max_characters


STANDARD = Declaration()


def declaration_of(game: Game) -> Declaration:
    """What `game` declares; ContractError, with the game's name in it, where anything cannot be used."""
    try:
        return _read(game)
    except ContractError as error:
        name = printable(getattr(game, "name", type(game).__name__))[:80]
        raise ContractError(f"The game {name!r} cannot be learned: {error}.") from None


def _read(game: Any) -> Declaration:
    actions, features = tuple(game.action_names), tuple(getattr(game, "feature_names", ()))
    for fault in _name_faults(game, actions, features):
        raise ContractError(fault)
    characters = _whole(game, "max_characters", MAX_CHARACTERS, 0, MOST_CHARACTERS)
    rounds = MAX_ROUNDS if characters else None
    if getattr(game, "max_rounds", rounds) is not None:
        rounds = _whole(game, "max_rounds", MAX_ROUNDS, 1, MOST_ROUNDS)
    elif hasattr(game, "max_rounds"):
        rounds = None
    declared = Declaration(
        name=game.name,
        version=game.version,
        action_names=actions,
        own_features=features,
        encode=_encode(game, features, characters),
        max_characters=characters,
        stats=_stats(game),
        max_rounds=rounds,
    )
    if (size := len(declared.standard_features)) > MAX_FEATURES:
        raise ContractError(f"its {characters} characters have {size:,} features; {MAX_FEATURES:,} are possible")
    return declared


def _name_faults(game: Any, actions: Sequence[Any], features: Sequence[Any]) -> Iterator[str]:
    named = [("its name", game.name), ("its version", game.version)]
    named += [("the action's name", name) for name in actions] + [("the feature's name", name) for name in features]
    for what, name in named:
        if not isinstance(name, str) or len(name) > MAX_NAME or name != printable(name):
            shown = printable(repr(name))[:80]
            yield f"{what} {shown} is not a text of at most {MAX_NAME:,} printable characters"
    if not 1 <= len(actions) <= MAX_ACTIONS:
        yield f"it has {len(actions):,} actions; 1 to {MAX_ACTIONS:,} are possible"
    if len(features) > MAX_FEATURES:
        yield f"it has {len(features):,} features of its own; {MAX_FEATURES:,} are possible"
    if sum(map(len, actions)) > MAX_NAMES:
        yield f"the names of its actions have more than {MAX_NAMES:,} characters together"


def _encode(game: Any, features: Sequence[str], characters: int) -> Callable[[State, int], Sequence[float]] | None:
    encode: Any = getattr(game, "encode", None)
    if features and not callable(encode):
        raise ContractError("it has feature_names and no method encode(state, seat) that gives their numbers")
    if not characters and not features:
        raise ContractError("it has max_characters 0 and no feature_names: declare what its seats see")
    return encode if features else None


def _stats(game: Any) -> tuple[tuple[str, float], ...]:
    """Names and scales of the characters' stats."""
    stats = getattr(game, "stats", STATS)
    if not isinstance(stats, Mapping) or not all(isinstance(name, str) and _scale(of) for name, of in stats.items()):
        wanted = 'a mapping from a stat\'s name to its usual largest value, above 0, such as {"attack": 100.0}'
        raise ContractError(f"its stats are {printable(repr(stats))[:80]}; declare {wanted}")
    return tuple((name, float(scale)) for name, scale in stats.items())


def _scale(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and value > 0


def _whole(game: Any, name: str, default: int, least: int, most: int) -> int:
    value = getattr(game, name, default)
    if type(value) is not int or not least <= value <= most:
        wanted = f"a whole number from {least:,} to {most:,}"
        raise ContractError(f"its {name} is {printable(repr(value))[:80]}; declare {wanted}")
    return value
