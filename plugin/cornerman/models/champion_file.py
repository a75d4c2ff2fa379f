"""Champion file: which stored version plays and which played before it, in `champion.json` and a spare copy of it.

The file holds a checksum of itself: with a piece missing it may still be JSON, and then name another version or none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from cornerman.contract import ModelError
from cornerman.files.atomic import first_sound, read_json, replace_file, to_json

SCHEMA = 2
FILE_NAME = "champion.json"
SPARE_NAME = "champion.previous.json"
_WHAT = "The record of which version plays"
_MAX_VERSIONS = 100_000


@dataclass(frozen=True, slots=True)
class ChampionRecord:
    """Version numbers of the champions in order of promotion; the last one plays."""

    champions: tuple[int, ...] = ()
    rolled_back: tuple[int, ...] = ()
    cleared: tuple[int, ...] = ()  # imported versions released from quarantine
    next_version: int = 0  # all numbers below have been used

    @property
    def champion(self) -> int | None:
        return self.champions[-1] if self.champions else None

    @property
    def predecessor(self) -> int | None:
        return self.champions[-2] if len(self.champions) > 1 else None

    def promoted(self, version: int) -> ChampionRecord:
        """The record with `version` as champion; unchanged where it is the champion already."""
        if version == self.champion:
            return self
        rolled_back = tuple(other for other in self.rolled_back if other != version)
        return replace(self, champions=(*self.champions, version), rolled_back=rolled_back)

    def rolled(self) -> ChampionRecord:
        """The record with the predecessor as champion; unchanged where there is none."""
        if len(self.champions) < 2:
            return self
        return replace(self, champions=self.champions[:-1], rolled_back=(*self.rolled_back, self.champions[-1]))

    def without(self, versions: set[int]) -> ChampionRecord:
        """The record without deleted `versions`; no version is followed by itself."""
        champions, rolled_back, cleared = (
            tuple(version for version in line if version not in versions)
            for line in (self.champions, self.rolled_back, self.cleared)
        )
        return replace(
            self, champions=tuple(each for each, _ in groupby(champions)), rolled_back=rolled_back, cleared=cleared
        )


def write_champions(folder: Path, record: ChampionRecord) -> None:
    """Replace the file, then its spare copy, each in one step; OSError where the disk refuses."""
    content = {"schema": SCHEMA, "line": record.champions, "rolled_back": record.rolled_back}
    content |= {"cleared": record.cleared, "next_version": record.next_version}
    data = to_json({**content, "sha256": checksum(content)})
    replace_file(folder / FILE_NAME, data)
    replace_file(folder / SPARE_NAME, data)


def read_champions(folder: Path) -> tuple[ChampionRecord | None, list[str]]:
    """The record, and a message for each damaged file; None where no file is readable or none was written yet."""
    return first_sound((folder / FILE_NAME, folder / SPARE_NAME), lambda path: _parse(read_json(path, _WHAT)))


def _parse(value: dict[str, Any]) -> ChampionRecord:
    if value.get("schema") != SCHEMA:
        raise ModelError(f"{_WHAT} is of an unknown schema.")
    if value.pop("sha256", None) != checksum(value):
        raise ModelError(f"{_WHAT} is damaged: its checksum does not fit.")
    number = value.get("next_version")
    if type(number) is not int or not 0 <= number < 10**9:
        raise ModelError(f"{_WHAT} has a wrong 'next_version'.")
    champions, rolled_back, cleared = (_versions(value, name) for name in ("line", "rolled_back", "cleared"))
    return ChampionRecord(champions, rolled_back, cleared, number)


def checksum(content: Mapping[str, Any]) -> str:
    """SHA-256 of everything else in the file, independent of spaces and order."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _versions(value: dict[str, Any], name: str) -> tuple[int, ...]:
    versions = value.get(name)
    if not isinstance(versions, list) or len(versions) > _MAX_VERSIONS:
        raise ModelError(f"{_WHAT} has a wrong {name!r}.")
    if not all(type(version) is int and 0 <= version < 10**9 for version in versions):
        raise ModelError(f"{_WHAT} has a wrong version number in {name!r}.")
    return tuple(versions)
