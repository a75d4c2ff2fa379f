"""Which stored version plays, and which played before it: `champion.json`, replaced in one step and kept twice.

The note holds a checksum of itself: with a piece missing it may still be JSON, and then name another version or none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cornerman.contract import ModelError
from cornerman.files.atomic import read_json, replace_file, to_json

SCHEMA = 2
FILE_NAME = "champion.json"
SPARE_NAME = "champion.previous.json"
_MAX_VERSIONS = 100_000


@dataclass(frozen=True, slots=True)
class ChampionLine:
    """The champions in the order in which they came to play; the last one plays now."""

    line: tuple[int, ...] = ()
    rolled_back: tuple[int, ...] = ()
    cleared: tuple[int, ...] = ()  # imported versions that have left quarantine
    next_version: int = 0  # numbers below were given away already, and are never given again

    @property
    def champion(self) -> int | None:
        return self.line[-1] if self.line else None

    @property
    def predecessor(self) -> int | None:
        return self.line[-2] if len(self.line) > 1 else None

    def promoted(self, version: int) -> ChampionLine:
        """`version` plays from now on; promoting the champion again changes nothing."""
        if version == self.champion:
            return self
        return replace(
            self, line=(*self.line, version), rolled_back=tuple(other for other in self.rolled_back if other != version)
        )

    def rolled(self) -> ChampionLine:
        """The predecessor plays again."""
        if len(self.line) < 2:
            return self
        return replace(self, line=self.line[:-1], rolled_back=(*self.rolled_back, self.line[-1]))

    def without(self, versions: set[int]) -> ChampionLine:
        """The line after `versions` are gone from the disk; a version never follows itself."""
        line: list[int] = []
        for version in self.line:
            if version not in versions and line[-1:] != [version]:
                line.append(version)
        return replace(
            self,
            line=tuple(line),
            rolled_back=tuple(version for version in self.rolled_back if version not in versions),
            cleared=tuple(version for version in self.cleared if version not in versions),
        )


def write_line(folder: Path, line: ChampionLine) -> None:
    """Make `line` the one that counts, in one step."""
    note = {"schema": SCHEMA, **asdict(line)}
    data = to_json({**note, "sha256": _digest(note)})
    replace_file(folder / FILE_NAME, data)
    replace_file(folder / SPARE_NAME, data)


def read_line(folder: Path) -> tuple[ChampionLine | None, list[str]]:
    """The line and sentences about what was wrong; None where nothing readable is left (or nothing was saved yet)."""
    sentences: list[str] = []
    for name in (FILE_NAME, SPARE_NAME):
        path = folder / name
        if not path.exists():
            continue
        try:
            return _parse(read_json(path, "The note of which version plays")), sentences
        except ModelError as error:
            sentences.append(str(error))
    return None, sentences


def _parse(value: dict[str, Any]) -> ChampionLine:
    what = "The note of which version plays"
    if value.get("schema") != SCHEMA:
        raise ModelError(f"{what} is of an unknown schema.")
    if value.pop("sha256", None) != _digest(value):
        raise ModelError(f"{what} is damaged: its checksum does not fit.")
    number = value.get("next_version")
    if type(number) is not int or not 0 <= number < 10**9:
        raise ModelError(f"{what} has a wrong 'next_version'.")
    line, rolled_back, cleared = (_versions(value, name, what) for name in ("line", "rolled_back", "cleared"))
    return ChampionLine(line, rolled_back, cleared, number)


def _digest(note: Mapping[str, Any]) -> str:
    """Of everything else in the note, however it is spaced."""
    return hashlib.sha256(json.dumps(note, sort_keys=True).encode()).hexdigest()


def _versions(value: dict[str, Any], name: str, what: str) -> tuple[int, ...]:
    versions = value.get(name)
    if not isinstance(versions, list) or len(versions) > _MAX_VERSIONS:
        raise ModelError(f"{what} has a wrong {name!r}.")
    if not all(type(version) is int and 0 <= version < 10**9 for version in versions):
        raise ModelError(f"{what} has a wrong version number in {name!r}.")
    return tuple(versions)
