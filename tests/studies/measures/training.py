"""Bulk training of what the studies measure: a data folder in which the shipped model plays, and the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cornerman.contract import HeadlessGame
from cornerman.models.champions import Champions
from cornerman.models.exchange import import_version, play_smoke_battle
from cornerman.models.manifest import Identity
from cornerman.models.store import Store
from tests.studies.adapters.opening import MODEL, encoder, shipped
from tests.studies.study import Work
from tests.support.paths import ROOT


def prepare(folder: Path, seed: int, game: HeadlessGame) -> None:
    """A data folder of a kind of Ringside in which the shipped model plays."""
    identity = Identity.of(game, encoder())
    with Store(folder, identity, shipped().spec, "the study") as store:
        champions = Champions(store, seed, print, print)
        version = import_version(store.registry, identity, MODEL)
        play_smoke_battle(store.registry, version, game, encoder())
        champions.promote_stored(version)


def train(work: Work, game: str, minutes: float, seed: int) -> None:
    """`cornerman train` in this unit's folder, as a game's author types it; `game` is a module of the studies."""
    command = [sys.executable, "-m", "cornerman", "train", "--game", f"tests.studies.{game}:GAME"]
    command += ["--data", str(work.folder / "data"), "--minutes", str(minutes), "--seed", str(seed)]
    command += ["--ladder-battles", "0"]
    subprocess.run(command, check=True, cwd=ROOT)
