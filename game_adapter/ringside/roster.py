"""Ringside's data, read from TOML and checked: who fights (roster.toml) and what every skill does (skills.toml).

Nothing is read at import; `roster()` and `rules()` read their file once, at the first call.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from game_adapter.ringside.assets import asset

SHAPES = ("1v1", "1v2", "2v1", "2v2", "1v3", "3v1")
"""The teams that may meet: fighters of seat 0 against fighters of seat 1."""

_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "strike": ("power", "accuracy"),
    "heavy": ("power", "accuracy", "exposed"),
    "guard": ("taken", "covers"),
    "mend": ("missing", "charges"),
    "charge": ("power", "accuracy"),
}


class DataFileError(ValueError):
    """A data file of the game is wrong; the text says which file, where in it, and what to do."""


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One fighter as it enters a battle; colour, sprite and line are for the window only."""

    name: str
    health: int
    attack: int
    defense: int
    speed: int
    colour: str = "#888888"
    sprite: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True)
class Handicap:
    """What a smaller team's fighters get, in percent of their stats."""

    health: int
    attack: int


@dataclass(frozen=True, slots=True)
class Roster:
    """Every fighter by name, in the file's order, and the handicaps by shape."""

    fighters: Mapping[str, RosterEntry]
    handicaps: Mapping[str, Handicap]


@dataclass(frozen=True, slots=True)
class Skill:
    """What a player reads about one skill."""

    title: str
    tip: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Every number of the rules, whole, percents where not said otherwise; `skills` is for the window."""

    skills: Mapping[str, Skill]
    strike_power: int
    strike_accuracy: int
    heavy_power: int
    heavy_accuracy: int
    heavy_exposed: int  # damage taken by the exposed
    guard_taken: int  # damage taken behind a guard
    guard_covers: int  # damage taken by the allies of one on guard
    mend_missing: int  # of the missing health
    mend_charges: int  # uses in a battle
    charge_power: int
    charge_accuracy: int  # added to the chance to land
    rounds: int
    draw_margin: int
    roll: int
    critical_chance: int
    critical_power: int
    defense_scale: int  # points of defense that halve a blow
    speed_per_percent: int  # points of speed for one percent of chance to land
    least_accuracy: int
    most_accuracy: int


@cache
def roster() -> Roster:
    """The game's own fighters."""
    return load_roster(asset("roster.toml"))


@cache
def rules() -> Rules:
    """The game's own rules."""
    return load_rules(asset("skills.toml"))


def load_roster(path: Path) -> Roster:
    """Read fighters and handicaps; DataFileError says what is wrong with the file."""
    data = _read(path)
    _only(data, ("fighter", "handicap"), f"{path.name}")
    rows = data.get("fighter")
    if not isinstance(rows, list) or len(rows) < 2:
        raise DataFileError(f"{path.name} needs at least two [[fighter]] tables.")
    fighters: dict[str, RosterEntry] = {}
    for number, row in enumerate(rows, 1):
        entry = _fighter(row, f"{path.name}, fighter {number}")
        if entry.name in fighters:
            raise DataFileError(f"{path.name}: two fighters are called {entry.name!r}; every name may be used once.")
        fighters[entry.name] = entry
    handicaps = {}
    for shape, row in _table(data, "handicap", path.name).items():
        where = f"{path.name}, [handicap.{shape}]"
        if shape not in SHAPES or shape[0] >= shape[2]:
            raise DataFileError(f"{where}: a handicap is for 1v2 or 1v3.")
        _only(row, ("health", "attack"), where)
        handicaps[shape] = Handicap(_whole(row, "health", where, 1, 1000), _whole(row, "attack", where, 1, 1000))
    if len(handicaps) < 2:
        raise DataFileError(f"{path.name} needs both [handicap.1v2] and [handicap.1v3].")
    return Roster(fighters, handicaps)


def _fighter(row: Mapping[str, Any], where: str) -> RosterEntry:
    _only(row, tuple(field.name for field in fields(RosterEntry)), where)
    name = _text(row, "name", where)
    where = f"{where} ({name})"
    return RosterEntry(
        name=name,
        health=_whole(row, "health", where, 1, 1000),
        attack=_whole(row, "attack", where, 1, 1000),
        defense=_whole(row, "defense", where, 0, 1000),
        speed=_whole(row, "speed", where, 0, 1000),
        colour=_text(row, "colour", where),
        sprite=_text(row, "sprite", where),
        line=_text(row, "line", where),
    )


def load_rules(path: Path) -> Rules:
    """Read skills and rules; DataFileError says what is wrong with the file."""
    data = _read(path)
    _only(data, (*_NUMBERS, "rules"), path.name)
    skills: dict[str, Skill] = {}
    numbers: dict[str, int] = {}
    for name, keys in _NUMBERS.items():
        table, where = _table(data, name, path.name), f"{path.name}, [{name}]"
        _only(table, ("title", "tip", *keys), where)
        own = {key: _whole(table, key, where, 0, 1000) for key in keys}
        tip = _text(table, "tip", where)
        for key, value in own.items():
            tip = tip.replace(f"{{{key}}}", str(value))
        if "{" in tip or "}" in tip:
            known = ", ".join(f"{{{key}}}" for key in keys)
            raise DataFileError(f"{where}: in braces the tip may only name {known}; after these is left: {tip}")
        skills[name] = Skill(_text(table, "title", where), tip)
        numbers |= {f"{name}_{key}": value for key, value in own.items()}
    table, where = _table(data, "rules", path.name), f"{path.name}, [rules]"
    keys = tuple(field.name for field in fields(Rules) if field.name not in numbers and field.name != "skills")
    _only(table, keys, where)
    positive = ("rounds", "defense_scale", "speed_per_percent")
    numbers |= {key: _whole(table, key, where, int(key in positive), 1000) for key in keys}
    if numbers["rounds"] > 20:
        raise DataFileError(f"{where}: rounds is {numbers['rounds']}; at most 20 are played.")
    return Rules(skills=skills, **numbers)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path.name} cannot be read as TOML: {error}.") from error


def _only(table: object, known: tuple[str, ...], where: str) -> None:
    if not isinstance(table, Mapping):
        raise DataFileError(f"{where} must be a table of keys and values.")
    for key in table:
        if key not in known:
            raise DataFileError(f"{where}: {key!r} is not known here; known are {', '.join(known)}.")


def _table(data: Mapping[str, Any], key: str, file_name: str) -> Mapping[str, Any]:
    table = data.get(key)
    if not isinstance(table, Mapping):
        raise DataFileError(f"{file_name} needs a table [{key}].")
    return table


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise DataFileError(f"{where}: {key} is missing or no text; give it one in quotes.")
    return value


def _whole(table: Mapping[str, Any], key: str, where: str, least: int, most: int) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        said = "is missing" if value is None else f"is {value!r}"
        raise DataFileError(f"{where}: {key} {said}; it must be a whole number from {least} to {most}.")
    return value
