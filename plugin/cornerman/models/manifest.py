"""Manifest of a stored version: `manifest.json` as a checked dataclass, and `card.md` for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from cornerman.contract import MAX_ACTIONS, MAX_FEATURES, MAX_NAME, Game, ModelError, printable
from cornerman.policy.q_network import NetworkSpec

if TYPE_CHECKING:
    from cornerman.experience.encoder import Encoder

SCHEMA = 1
MAX_LAYERS = 8
MAX_UNITS = 4096
MAX_OBSERVATION_SIZE = 32 + MAX_FEATURES


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
        """The identity of a game that is loaded."""
        names = tuple(game.action_names)
        return cls(game.name, game.version, encoder.version, names, encoder.observation_size)

    @property
    def num_actions(self) -> int:
        return len(self.action_names)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a version comes from, given by the caller who saves it."""

    parent: int | None = None
    learning_steps: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)  # rows learned from, by source: "player", "self-play", ...
    gate: Mapping[str, Any] | None = None  # Verdict.as_dict(): the result with every battle's seed and outcome
    origin: str = "trained"  # or "imported"
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
    def spec(self) -> NetworkSpec:
        return NetworkSpec(self.observation_size, len(self.action_names), self.hidden)

    @property
    def passed_gate(self) -> bool:
        return self.gate is not None and self.gate.get("promote") is True

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


def parse_manifest(value: Mapping[str, Any], what: str) -> Manifest:
    """A checked Manifest from JSON; ModelError naming the first field that is wrong."""
    schema = value.get("schema")
    if type(schema) is int and schema > SCHEMA:
        raise ModelError(
            f"{what} was written by a newer Cornerman (schema {schema}, this one reads {SCHEMA}); update it."
        )
    if schema != SCHEMA:
        raise ModelError(f"{what} has no readable schema number.")
    reader = _Fields(value, what)
    rows = reader.counts("rows")
    manifest = Manifest(
        schema=SCHEMA,
        version=reader.number("version", 10**9),
        game=reader.text("game"),
        game_version=reader.text("game_version"),
        encoder_version=reader.text("encoder_version"),
        action_names=reader.texts("action_names"),
        observation_size=reader.number("observation_size", MAX_OBSERVATION_SIZE),
        hidden=reader.sizes(value.get("hidden"), "hidden", MAX_LAYERS, MAX_UNITS),
        sha256=reader.sha("sha256"),
        weights_bytes=reader.number("weights_bytes", 2**40),
        shapes=reader.shapes("shapes"),
        parent=None if value.get("parent") is None else reader.number("parent", 10**9),
        learning_steps=reader.number("learning_steps", 2**62),
        rows=rows,
        from_player=reader.flag("from_player", otherwise=rows.get("player", 0) > 0),  # older manifests say it by rows
        gate=reader.mapping("gate") if value.get("gate") is not None else None,
        origin=reader.text("origin"),
        created=reader.text("created"),
        plugin_version=reader.text("plugin_version"),
    )
    if dict(manifest.spec.arrays()) != manifest.shapes:
        raise ModelError(f"{what} names shapes that do not fit its own sizes.")
    return manifest


class _Fields:
    """Typed access to one JSON object; ModelError names the field."""

    def __init__(self, value: Mapping[str, Any], what: str) -> None:
        self._value, self._what = value, what

    def _wrong(self, name: str, expected: str) -> ModelError:
        return ModelError(f"{self._what} has a wrong {name!r}: {expected} is expected.")

    def number(self, name: str, most: int) -> int:
        number = self._value.get(name)
        if type(number) is not int or not 0 <= number <= most:
            raise self._wrong(name, f"a whole number from 0 to {most}")
        return number

    def flag(self, name: str, otherwise: bool) -> bool:
        flag = self._value.get(name, otherwise)
        if type(flag) is not bool:
            raise self._wrong(name, "true or false")
        return flag

    def text(self, name: str) -> str:
        text = self._value.get(name)
        if not isinstance(text, str) or len(text) > MAX_NAME or text != printable(text):
            raise self._wrong(name, f"a text of at most {MAX_NAME:,} printable characters")
        return text

    def texts(self, name: str) -> tuple[str, ...]:
        texts = self._value.get(name)
        if not isinstance(texts, list) or not 0 < len(texts) <= MAX_ACTIONS:
            raise self._wrong(name, f"a list of at most {MAX_ACTIONS:,} names")
        return tuple(_Fields({name: text}, self._what).text(name) for text in texts)

    def sizes(self, sizes: Any, name: str, max_length: int, most: int) -> tuple[int, ...]:
        if not isinstance(sizes, list) or len(sizes) > max_length:
            raise self._wrong(name, f"a list of at most {max_length} sizes")
        if not all(type(size) is int and 0 < size <= most for size in sizes):
            raise self._wrong(name, f"sizes from 1 to {most}")
        return tuple(sizes)

    def sha(self, name: str) -> str:
        text = self._value.get(name)
        if not isinstance(text, str) or not re.fullmatch("[0-9a-f]{64}", text):
            raise self._wrong(name, "64 hexadecimal digits")
        return text

    def mapping(self, name: str) -> dict[str, Any]:
        mapping = self._value.get(name)
        if not isinstance(mapping, dict):
            raise self._wrong(name, "an object")
        return mapping

    def shapes(self, name: str) -> dict[str, tuple[int, ...]]:
        return {
            key: self.sizes(shape, name, 2, max(MAX_ACTIONS, MAX_OBSERVATION_SIZE))
            for key, shape in self.mapping(name).items()
        }

    def counts(self, name: str) -> dict[str, int]:
        counts = self.mapping(name)
        if len(counts) > 32 or not all(type(count) is int and 0 <= count < 2**62 for count in counts.values()):
            raise self._wrong(name, "a count for every source")
        return counts


def card(manifest: Manifest) -> str:
    """The version for a person, as Markdown."""
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
