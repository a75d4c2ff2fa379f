"""Manifest of a stored version: `manifest.json` as a checked dataclass, and `card.md` for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cornerman.contract import MAX_ACTIONS, MAX_FEATURES, MAX_NAME, Game, ModelError, printable
from cornerman.experience.transitions import DataFormat
from cornerman.files.atomic import read_json
from cornerman.policy.q_network import NetworkSpec

if TYPE_CHECKING:
    from cornerman.experience.encoder import Encoder

SCHEMA = 1
BASE = "base"
"""Origin of the model that the game ships."""
MAX_LAYERS = 8
MAX_UNITS = 4096
MAX_OBSERVATION_SIZE = 2 * MAX_FEATURES


@dataclass(frozen=True, slots=True)
class Identity:
    """Which game a version plays; versions of another identity are refused."""

    game: str
    game_version: str
    encoder_version: str
    action_names: tuple[str, ...]
    observation_size: int  # F

    @classmethod
    def of(cls, game: Game, encoder: Encoder) -> Identity:
        names = tuple(game.action_names)
        return cls(game.name, game.version, encoder.version, names, encoder.observation_size)

    @property
    def num_actions(self) -> int:
        return len(self.action_names)

    @property
    def data_format(self) -> DataFormat:
        """What the game's stored battles carry."""
        sizes = self.observation_size, self.num_actions
        return DataFormat(self.game, self.game_version, self.encoder_version, *sizes)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a version comes from, given by the caller who saves it."""

    parent: int | None = None
    learning_steps: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)  # rows learned from, by source: "player", "self-play", ...
    gate: Mapping[str, Any] | None = None  # Verdict.as_dict(): the result with every battle's seed and outcome
    origin: str = "trained"  # or "imported", or BASE
    from_player: bool = False
    """Whether it learned from the player's battles although `rows` and `parent` do not show it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything `manifest.json` holds, checked."""

    schema: int
    version: int
    game: str
    game_version: str
    encoder_version: str
    action_names: tuple[str, ...]
    observation_size: int
    hidden: tuple[int, ...]
    sha256: str  # of weights.safetensors
    weights_bytes: int
    shapes: Mapping[str, tuple[int, ...]]
    parent: int | None
    learning_steps: int
    rows: Mapping[str, int]
    from_player: bool  # whether it learned from the player's own battles, itself or by descent
    gate: Mapping[str, Any] | None
    origin: str
    created: str  # ISO 8601, UTC
    plugin_version: str

    @property
    def identity(self) -> Identity:
        return Identity(self.game, self.game_version, self.encoder_version, self.action_names, self.observation_size)

    @property
    def spec(self) -> NetworkSpec:
        return NetworkSpec(self.observation_size, len(self.action_names), self.hidden)

    @property
    def passed_gate(self) -> bool:
        return self.gate is not None and self.gate.get("promote") is True

    @property
    def learned(self) -> bool:
        """Whether it has learned anything; one that has not plays only with the setting `from_nothing`."""
        return self.learning_steps > 0 or self.origin != "trained"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def misfit(self, identity: Identity) -> str | None:
        """Why this version cannot play `identity`'s game; None when it can."""
        if self.game != identity.game:
            return f"it was trained for the game {self.game[:80]!r}, and this is {identity.game!r}"
        if self.action_names != identity.action_names:
            return "it knows other actions than this version of the game has"
        if self.observation_size != identity.observation_size or self.encoder_version != identity.encoder_version:
            return "it sees a battle in another layout than this version of the game and plugin gives"
        return None


_Field = tuple[str, Callable[[Any], Any]]
"""What is expected of a field of the JSON object, and the check of its value; None where it is missing."""


def _whole(most: int, least: int = 0) -> _Field:
    return f"a whole number from {least} to {most}", lambda value: type(value) is int and least <= value <= most


def _listed(most: int, of: _Field, least: int = 0) -> _Field:
    def right(value: Any) -> bool:
        return isinstance(value, list) and least <= len(value) <= most and all(map(of[1], value))

    return f"a list of at most {most:,}, each {of[0]},", right


def _mapped(of: _Field) -> _Field:
    return f"an object of {of[0]}", lambda value: isinstance(value, dict) and all(map(of[1], value.values()))


def _or_none(of: _Field) -> _Field:
    return of[0], lambda value: value is None or of[1](value)


_TEXT: _Field = (
    f"a text of at most {MAX_NAME:,} printable characters",
    lambda value: isinstance(value, str) and len(value) <= MAX_NAME and value == printable(value),
)
_FIELDS: Mapping[str, _Field] = {
    "version": _whole(10**9),
    "game": _TEXT,
    "game_version": _TEXT,
    "encoder_version": _TEXT,
    "action_names": _listed(MAX_ACTIONS, _TEXT, least=1),
    "observation_size": _whole(MAX_OBSERVATION_SIZE),
    "hidden": _listed(MAX_LAYERS, _whole(MAX_UNITS, least=1)),
    "sha256": ("64 hexadecimal digits", lambda value: re.fullmatch("[0-9a-f]{64}", str(value))),
    "weights_bytes": _whole(2**40),
    "shapes": _mapped(_listed(2, _whole(max(MAX_ACTIONS, MAX_OBSERVATION_SIZE), least=1))),
    "parent": _or_none(_whole(10**9)),
    "learning_steps": _whole(2**62),
    "rows": _mapped(_whole(2**62)),
    "from_player": _or_none(("true or false", lambda value: type(value) is bool)),
    "gate": _or_none(("an object", lambda value: isinstance(value, dict))),
    "origin": _TEXT,
    "created": _TEXT,
    "plugin_version": _TEXT,
}


def parse_manifest(value: Mapping[str, Any], what: str) -> Manifest:
    """A checked Manifest from JSON; ModelError naming the first field that is wrong."""
    schema = value.get("schema")
    if type(schema) is int and schema > SCHEMA:
        raise ModelError(
            f"{what} was written by a newer Cornerman (schema {schema}, this one reads {SCHEMA}); update it."
        )
    if schema != SCHEMA:
        raise ModelError(f"{what} has no readable schema number.")
    for name, (expected, right) in _FIELDS.items():
        if not right(value.get(name)):
            raise ModelError(f"{what} has a wrong {name!r}: {expected} is expected.")
    fields: dict[str, Any] = {name: value.get(name) for name in _FIELDS}
    if fields["from_player"] is None:  # older manifests say it by rows
        fields["from_player"] = fields["rows"].get("player", 0) > 0
    fields["action_names"], fields["hidden"] = tuple(fields["action_names"]), tuple(fields["hidden"])
    fields["shapes"] = {name: tuple(shape) for name, shape in fields["shapes"].items()}
    manifest = Manifest(schema=SCHEMA, **fields)
    if dict(manifest.spec.arrays()) != manifest.shapes:
        raise ModelError(f"{what} names shapes that do not fit its own sizes.")
    return manifest


class Manifests:
    """Reads manifests, and keeps each while its file stays as it is, without its gate's battles, which are many."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[tuple[int, ...], Manifest]] = {}

    def read(self, path: Path, what: str) -> Manifest:
        """ModelError where it is damaged or missing."""
        try:
            status = path.stat()
        except OSError:
            status = None
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino) if status else ()
        before, manifest = self._kept.pop(path, ((), None))
        if manifest is None or before != stamp:
            manifest = parse_manifest(read_json(path, what), what)
            gate = {name: each for name, each in (manifest.gate or {}).items() if name != "battles"}
            manifest = replace(manifest, gate=gate if manifest.gate is not None else None)
        self._kept[path] = stamp, manifest
        return manifest


def card(manifest: Manifest) -> str:
    gate = manifest.gate or {}
    sources = ", ".join(f"{count:,} {source}" for source, count in manifest.rows.items() if count) or "none"
    parent = "no other version" if manifest.parent is None else f"version {manifest.parent}"
    lines = [
        f"# Version {manifest.version} of the computer's side in {manifest.game}",
        "",
        f"- Saved {manifest.created} by Cornerman {manifest.plugin_version}",
        f"- For {manifest.game} {manifest.game_version}",
        f"- Follows {parent}; {manifest.origin}",
        f"- {manifest.learning_steps:,} learning steps; rows learned from: {sources}",
        f"- Network: {manifest.observation_size} numbers in, hidden layers {list(manifest.hidden)}, "
        f"{len(manifest.action_names)} actions out",
        f"- How it was judged: {gate.get('reason', 'it was not judged against another version')}",
        f"- SHA-256 of the weights: {manifest.sha256}",
        "",
        "weights.safetensors holds numbers only; nothing in this folder is ever executed.",
    ]
    return "\n".join(lines) + "\n"
