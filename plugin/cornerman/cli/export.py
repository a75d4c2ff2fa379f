"""What `cornerman export` does: a stored version as an ONNX file, in int8, or as what Hailo's compiler takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cornerman.cli.versions import check_stored
from cornerman.contract import Bools, CornermanError, Floats, Game, HeadlessGame
from cornerman.edge.hef_kit import LEAST_ROWS, hef_kit
from cornerman.edge.int8 import FilePlayer, to_int8
from cornerman.edge.onnx_file import ILLEGAL, to_onnx
from cornerman.evaluation.gate import Gate
from cornerman.evaluation.headless import PolicyBot, play_battle
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.files.atomic import disk_errors, replace_file
from cornerman.models.exchange import INT8_FORMAT, ONNX, onnx_notes
from cornerman.models.manifest import Identity
from cornerman.models.store import Store
from cornerman.policy.policy import Chance, Policy

CALIBRATED, COMPARED = 2_048, 10_000
"""Decisions from which int8 is made, at most, and others on which it is compared with the version."""
EPSILON = 0.2
"""Share of random actions in self-play for these, so that it comes around."""
SEED = 7
RECORDED = "of recorded battles"


class Exporter:
    """Exports of one version of a data folder; every method raises CornermanError with a sentence."""

    def __init__(self, folder: Path, game: Game, version: int) -> None:
        """For `int8` and `hef_kit` the game offers headless battles."""
        self._game, self._encoder = game, Encoder(game)
        with Store(folder, Identity.of(game, self._encoder)) as store:  # read-only: a game may be running
            check_stored(store, version)
            self._policy = store.registry.load(version)
            self._notes = onnx_notes(store.registry.manifest(version), self._encoder)
        self._folder, self._name = folder, f"version-{version}"

    @property
    def _headless(self) -> HeadlessGame:
        assert isinstance(self._game, HeadlessGame), "see __init__"
        return self._game

    @property
    def warning(self) -> str:
        """What its user should know of the version before anything is written; may be empty."""
        return f"{self._name} has learned nothing: all its values are equal." if self._policy.indifferent else ""

    def onnx(self, path: Path | None) -> Iterator[str]:
        """Write the version's ONNX file."""
        path = _named(path or Path(f"{self._name}.onnx"))
        size = _write(path, to_onnx(self._policy, self._notes))
        yield f"{self._name} is in {path} ({size:,} bytes). 'cornerman versions import' reads it."

    def int8(self, path: Path | None) -> Iterator[str]:
        """Write the version in int8, and say how it plays beside the version."""
        path = _named(path or Path(f"{self._name}-int8.onnx"))
        observations, masks, source = self._decisions()
        made = slice(0, min(CALIBRATED, len(masks) // 2))
        others = slice(made.stop, None)
        data = to_int8(self._policy, observations[made], masks[made], self._notes | {"format": INT8_FORMAT})
        size = _write(path, data)
        yield f"{self._name} in int8 is in {path} ({size:,} bytes), made from {made.stop:,} observations ({source})."
        player = FilePlayer(data)
        wanted = np.where(masks[others], self._policy.q_values_batch(observations[others]), ILLEGAL)
        same = player.values(observations[others], masks[others]).argmax(1) == wanted.argmax(1)
        yield f"Of {len(same):,} other decisions, {same.mean():.1%} are the same as those of {self._name}."
        gate = Gate(player, self._policy, self._headless, self._encoder, SEED)
        while (verdict := gate.advance(1_000)) is None:
            pass
        lost, most, least = (f"{100 * (0.5 - score):.1f}" for score in (verdict.score, *verdict.interval))
        against = f"against {self._name} over {verdict.pairs} side-swapped pairs"
        yield f"Win rate lost {against}: {lost} points ({least} to {most}). The gate: {verdict.reason}"

    def hef_kit(self, path: Path | None) -> Iterator[str]:
        """Write the folder for the compiler."""
        path = path or Path(f"{self._name}-hef-kit")
        observations, _, source = self._decisions()
        warning = "They hold what players saw: do not pass them on." if source == RECORDED else ""
        files = hef_kit(self._policy, self._notes, observations[:CALIBRATED], source, warning)
        with disk_errors(f"the folder {path} cannot be made"):
            path.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _write(path / name, content)
        yield f"{', '.join(files)} are in {path}; README.md there has the compiler's commands. Not run on hardware."

    def _decisions(self) -> tuple[Floats, Bools, str]:
        """Observations `[N, F]` and masks `[N, A]` in any order, and where they come from."""
        with Store(self._folder, Identity.of(self._game, self._encoder)) as store:
            stored = list(store.battles.battles(CALIBRATED + COMPARED))
        if sum(map(len, stored)) < LEAST_ROWS:
            observations, masks = self._self_play(2 * LEAST_ROWS)
            source = "of self-play, as too few are recorded"
        else:
            observations = np.concatenate([battle.columns["observation"] for battle in stored])
            masks = np.concatenate([battle.columns["action_mask"] for battle in stored])
            source = RECORDED
        rows = np.random.default_rng(SEED).permutation(len(masks))
        return observations[rows], masks[rows], source

    def _self_play(self, wanted: int) -> tuple[Floats, Bools]:
        noted = _Noting(self._policy)
        bots = [PolicyBot(noted, self._encoder, EPSILON)] * declaration_of(self._game).num_seats
        for seed in range(SEED, SEED + wanted):
            play_battle(self._headless, seed, bots)
            if len(noted.rows) >= wanted:
                break
        observations, masks = zip(*noted.rows, strict=True)
        return np.stack(observations), np.stack(masks)


class _Noting:
    """A policy that notes the observations and masks it decides on."""

    def __init__(self, policy: Policy) -> None:
        self._policy, self.rows = policy, list[tuple[Floats, Bools]]()

    def act(
        self, observation: Floats, action_mask: Bools, random: Chance, temperature: float = 0.0, epsilon: float = 0.0
    ) -> int:
        """As `Policy.act`."""
        self.rows.append((observation, action_mask))
        return self._policy.act(observation, action_mask, random, temperature, epsilon)


def _named(path: Path) -> Path:
    """The path of an ONNX file, by whose name programs and the import know it; CornermanError for another ending."""
    if path.suffix.lower() != ONNX:
        why = f"an ONNX file's name ends in {ONNX}, and {path.name} does not"
        raise CornermanError(f"{why}; 'cornerman versions export' writes a .zip, for another player")
    return path


def _write(path: Path, data: bytes) -> int:
    with disk_errors(f"{path} cannot be written"):
        replace_file(path, data)
    return len(data)
