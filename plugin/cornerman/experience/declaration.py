"""What a game declares about itself: read once, at load, and refused there with a sentence, never in mid-game.

`contract.Game` says what each attribute means. Nothing of the game's is called here but its attributes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from operator import index as as_index
from pathlib import Path
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
MOST_CHARACTERS, MOST_ROUNDS, MOST_SEATS = 256, 1_000_000, 64


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a game declared, checked; the defaults are those of a game that declares nothing but its names."""

    name: str = ""
    version: str = ""
    action_names: tuple[str, ...] = ()
    own_features: tuple[str, ...] = ()
    feature_scales: tuple[tuple[str, float], ...] = ()  # what `encode` divides some of them by
    encode: Callable[[State, int], Sequence[float]] | None = None
    max_characters: int = MAX_CHARACTERS  # 0: states have no characters
    stats: tuple[tuple[str, float], ...] = tuple(STATS.items())  # and what each is divided by
    max_rounds: int | None = MAX_ROUNDS  # None: there are no rounds
    num_seats: int = 2
    sides: tuple[int, ...] = (0, 1)  # one a seat
    plugin_seats: tuple[int, ...] = (0, 1)
    seats_alike: bool = True
    max_decisions: int = 2_000
    random_opening: int = 0
    standing: Callable[[State, int], float] | None = None
    base_model: Path | None = None
    own_fighter: str = ""  # name of the bot that moves where the plugin has no opinion; "": there are no bots

    @property
    def allies(self) -> Mapping[int, int]:
        """The side of every seat; empty where each seat is a side of its own and has that side's number."""
        return {} if self.sides == tuple(range(self.num_seats)) else dict(enumerate(self.sides))

    @property
    def teams(self) -> tuple[tuple[int, ...], ...]:
        """The plugin's seats by side: in evaluation and self-play one agent sits in all of a team."""
        sides = dict.fromkeys(self.sides[seat] for seat in self.plugin_seats)
        return tuple(tuple(seat for seat in self.plugin_seats if self.sides[seat] == side) for side in sides)

    @property
    def even(self) -> bool:
        """Whether two that play alike, with sides swapped, win equally often: two teams in seats that are alike."""
        return self.seats_alike and len(self.teams) == 2 and self.num_seats == len(self.plugin_seats)

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

    @property
    def divisors(self) -> dict[str, float]:
        """By what features were divided whose numbers a player knows, by name; health is a share."""
        slots = range(1, self.max_characters + 1)
        stats = {f"slot {slot} {name}": scale for slot in slots for name, scale in self.stats}
        counts = {"round": float(self.max_rounds or 0), "characters": float(self.max_characters)}
        return stats | {name: most for name, most in counts.items() if most} | dict(self.feature_scales)


STANDARD = Declaration()


def declaration_of(game: Game) -> Declaration:
    """What `game` declares; ContractError, with the game's name in it, where anything cannot be used."""
    try:
        return _read(game)
    except ContractError as error:
        name = printable(getattr(game, "name", type(game).__name__))[:80]
        raise ContractError(f"The game {name!r} cannot be learned: {error}.") from None


def _read(game: Any) -> Declaration:
    if isinstance(game, type):
        raise ContractError("it is a class; give an object of it")
    if missing := [name for name in ("name", "version", "action_names") if not hasattr(game, name)]:
        raise ContractError(f"it has no {' and no '.join(missing)}; every game declares these three")
    actions, features = _names(game, "action_names"), _names(game, "feature_names")
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
        feature_scales=_feature_scales(game, features),
        encode=_encode(game, features, characters),
        max_characters=characters,
        stats=_scales(game, "stats", STATS, 'stat to its usual largest value, above 0, such as {"attack": 100.0}'),
        max_rounds=rounds,
        **_seats(game),
        max_decisions=_whole(game, "max_decisions", 2_000, 1, 10_000_000),
        random_opening=_whole(game, "random_opening", 0, 0, 1_000),
        standing=_standing(game),
        base_model=_base_model(game),
        own_fighter=_own_fighter(game),
    )
    if (size := len(declared.standard_features)) > MAX_FEATURES:
        raise ContractError(f"its {characters} characters have {size:,} features; {MAX_FEATURES:,} are possible")
    return declared


def _names(game: Any, of: str) -> tuple[Any, ...]:
    given = getattr(game, of, ())
    if isinstance(given, str) or not isinstance(given, Iterable):
        wanted = 'a sequence of names, such as ("strike", "guard")'
        raise ContractError(f"its {of} are {printable(repr(given))[:80]}; declare {wanted}")
    return tuple(given)


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
    for of, names in (("action_names", actions), ("feature_names", features)):
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            yield f"its {of} have {printable(repr(twice[0]))[:80]} more than once; give each a name of its own"


def _encode(game: Any, features: Sequence[str], characters: int) -> Callable[[State, int], Sequence[float]] | None:
    encode: Any = getattr(game, "encode", None)
    if features and not callable(encode):
        raise ContractError("it has feature_names and no method encode(state, seat) that gives their numbers")
    if not characters and not features:
        raise ContractError("it has max_characters 0 and no feature_names: declare what its seats see")
    return encode if features else None


def _seats(game: Any) -> dict[str, Any]:
    count = _whole(game, "num_seats", 2, 1, MOST_SEATS)
    sides = _numbers(game, "sides", range(count), "one whole number a seat; seats with the same number win together")
    seats = _numbers(game, "plugin_seats", range(count), f"different seats from 0 to {count - 1}, at least one")
    if len(sides) != count or not seats or len(set(seats)) < len(seats) or not set(seats) <= set(range(count)):
        given = f"num_seats {count}, sides {sides} and plugin_seats {seats}"
        raise ContractError(f"its {given} do not fit: there is one side a seat, and the plugin sits in seats there are")
    alike = getattr(game, "seats_alike", True)
    if type(alike) is not bool:
        raise ContractError(f"its seats_alike is {printable(repr(alike))[:80]}; declare True or False")
    return {"num_seats": count, "sides": sides, "plugin_seats": seats, "seats_alike": alike}


def _numbers(game: Any, name: str, default: Sequence[int], wanted: str) -> tuple[int, ...]:
    given = getattr(game, name, default)
    try:
        numbers = tuple(as_index(number) for number in given)
    except TypeError:
        raise ContractError(f"its {name} are {printable(repr(given))[:80]}; declare {wanted}") from None
    return numbers


def _standing(game: Any) -> Callable[[State, int], float] | None:
    standing: Any = getattr(game, "standing", None)
    if standing is not None and not callable(standing):
        raise ContractError("its standing is no method standing(state, side) that gives a number from -1 to 1")
    return standing  # type: ignore[no-any-return]


def _base_model(game: Any) -> Path | None:
    path = getattr(game, "base_model", None)
    if path is not None and not isinstance(path, str | Path):
        wanted = "the path of a file that `cornerman versions export` wrote"
        raise ContractError(f"its base_model is {printable(repr(path))[:80]}; declare {wanted}")
    return Path(path) if path else None


def _own_fighter(game: Any) -> str:
    given = getattr(game, "bots", {})
    if not isinstance(given, Mapping):
        wanted = "a mapping of names to functions (battle, random) -> action"
        how = "declare it with @property or as an attribute"
        raise ContractError(f"its bots are {printable(repr(given))[:80]}; bots must be {wanted}: {how}")
    bots = list(given)
    name = getattr(game, "own_fighter", bots[-1] if bots else "")
    if not bots and name:
        wanted = "there are no bots that it could name; leave it out, your own fighter moves all the same"
        raise ContractError(f"its own_fighter is {printable(repr(name))[:80]}, and {wanted}")
    if bots and name not in bots:
        wanted = (
            f"which of its bots moves where the plugin has no opinion: {printable(', '.join(map(str, bots)))[:200]}"
        )
        raise ContractError(f"its own_fighter is {printable(repr(name))[:80]}; name {wanted}")
    return name if bots else ""


def _feature_scales(game: Any, features: Sequence[str]) -> tuple[tuple[str, float], ...]:
    wanted = 'feature to what encode divides it by, above 0, such as {"cards in hand": 10}'
    scales = _scales(game, "feature_scales", {}, wanted)
    if unknown := [name for name, _ in scales if name not in features]:
        raise ContractError(f"its feature_scales name {printable(repr(unknown[0]))[:80]}, none of its feature_names")
    return scales


def _scales(game: Any, of: str, default: Mapping[str, float], wanted: str) -> tuple[tuple[str, float], ...]:
    given = getattr(game, of, default)
    if not isinstance(given, Mapping) or not all(isinstance(name, str) and _scale(at) for name, at in given.items()):
        raise ContractError(f"its {of} are {printable(repr(given))[:80]}; declare a mapping from a {wanted}")
    return tuple((name, float(scale)) for name, scale in given.items())


def _scale(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and value > 0


def _whole(game: Any, name: str, default: int, least: int, most: int) -> int:
    value = getattr(game, name, default)
    if type(value) is not int or not least <= value <= most:
        wanted = f"a whole number from {least:,} to {most:,}"
        raise ContractError(f"its {name} is {printable(repr(value))[:80]}; declare {wanted}")
    return value
