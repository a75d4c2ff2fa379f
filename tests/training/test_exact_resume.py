"""Stop and start give the same next learning steps as never having stopped, bit for bit on the CPU."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.experience.battle_store import PLAYER
from cornerman.files.checkpoint_file import FILE_NAME
from cornerman.training import resume as continuation
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Choosing, Described, Gym
from tests.support.paths import ROOT
from tests.support.table import Table

SETTINGS: Mapping[str, Any] = {"practice": 3.0, "candidate_period": 40, "gate_max_pairs": 40, "held_out_fraction": 0.1}
ONE_STEP_S = 2e-5
"""So short a slice does one learning step, or one turn, and no more."""


def digest(training: Any) -> dict[str, str]:
    """SHA-256 of everything that decides what is learned next, part by part."""
    arrays, notes = continuation.whole(training)
    assert {"rings.player.observation", "tails.order", "held_out.lengths", "newest"} <= arrays.keys()
    found = {name: hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest() for name, array in arrays.items()}
    return found | {f"note {name}": json.dumps(note, sort_keys=True) for name, note in notes.items()}


def stored(gym: Gym) -> list[str]:
    return [gym.registry.manifest(version).sha256 for version in gym.registry.numbers()]


def busy(training: Any, what: str) -> bool:
    """Whether `what` is under way."""
    if what == "burst":
        return bool(training._burst.pending)
    if what == "judging":
        return training._judge is not None and training._judge.pairs > 1
    practice = training._practice
    return practice is not None and practice._begun is not None and practice._begun.turns > 0


def ran(folder: Path, stop_in: str = "", game: Any = None) -> Gym:
    """Two portions of battles, the work on each stopped in the middle of something and gone on with by new objects."""
    gym = Gym(folder, game, **SETTINGS)
    gym.training.resume()
    for portion in range(2):
        gym.play(40, 40 * portion)
        while stop_in and not busy(gym.training, stop_in):
            assert gym.training.slice(ONE_STEP_S), f"it was never in the middle of {stop_in}"
        if stop_in:
            gym.training.close()
            gym = Gym(folder, game, **SETTINGS)
            gym.training.resume()
        gym.work()
    return gym


@pytest.mark.parametrize("stop_in", ["burst", "judging", "practice"])
def test_stopping_in_the_middle_changes_nothing_that_is_learned(tmp_path: Path, stop_in: str) -> None:
    through, stopped = ran(tmp_path / "a"), ran(tmp_path / "b", stop_in)
    assert digest(through.training) == digest(stopped.training)
    assert stored(through) == stored(stopped)
    assert through.slot.champion.version == stopped.slot.champion.version
    assert through.learner.steps > 100


def test_a_game_without_headless_battles_goes_on_exactly_too(tmp_path: Path) -> None:
    through, stopped = ran(tmp_path / "a", game=Described()), ran(tmp_path / "b", "burst", Described())
    assert digest(through.training) == digest(stopped.training)


def test_a_battle_under_way_keeps_its_n_step_tails(tmp_path: Path) -> None:
    digests = []
    for stops in (False, True):
        gym = Gym(tmp_path / str(stops), **SETTINGS, n_step=4)
        gym.training.resume()
        gym.play(30)
        rows = list(gym.inbox)
        gym.inbox.clear()
        for at, item in enumerate(rows):
            if stops and at in (31, 32):
                gym.training.close()
                gym = Gym(tmp_path / str(stops), **SETTINGS, n_step=4)
                gym.training.resume()
            gym.inbox.append(item)
            gym.work()
        digests.append(digest(gym.training))
    assert digests[0] == digests[1]


CHILD = """
import sys
from pathlib import Path
from tests.training.test_exact_resume import ringside_run
print(ringside_run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
"""


def ringside_run(folder: Path, first: int, battles: int) -> str:
    """So many battles of Ringside through the hooks; the digest of where it ended."""
    with Table(RINGSIDE, folder, practice=1.0, candidate_period=60) as table:
        table.battles = first
        table.play(battles, settle=True)
        training = table.plugin.training
        assert training is not None
        whole = digest(training) | {"versions": str(table.plugin.registry.numbers())}
        whole["played"] = str(table.plugin._random.bit_generator.state)
    whole.pop("note beside")
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


@pytest.mark.slow
def test_two_sessions_of_the_game_learn_what_one_does(tmp_path: Path) -> None:
    def child(folder: str, first: int, battles: int) -> str:
        arguments = [sys.executable, "-c", CHILD, str(tmp_path / folder), str(first), str(battles)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run(
            arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    through = child("a", 0, 4)
    first = child("b", 0, 2)
    assert first != through
    assert child("b", 2, 2) == through


# ----------------------------------------------------------------------------------------- when it cannot be exact


def test_after_a_kill_the_kept_battles_count_and_not_the_old_state(tmp_path: Path) -> None:
    gym = Gym(tmp_path, **SETTINGS)
    gym.play(20)
    gym.work()
    gym.training.close()
    killed = Gym(tmp_path, **SETTINGS)
    killed.training.resume()
    killed.play(20, 20)
    killed.training.keep()  # and no close
    again = Gym(tmp_path, **SETTINGS)
    again.training.resume()
    assert again.training.memory.rows[PLAYER] >= 72
    assert len(np.unique(again.training.rings.player.columns()["battle_id"])) > 30


def test_other_settings_fill_the_memory_from_the_journal(tmp_path: Path) -> None:
    gym = Gym(tmp_path, **SETTINGS)
    gym.play(20)
    gym.work()
    gym.training.close()
    wider = Gym(tmp_path, **{**SETTINGS, "replay_capacity": 400})
    wider.training.resume()
    assert np.array_equal(wider.learner.snapshot(), gym.learner.snapshot())
    assert wider.training.rings.player.size == gym.training.rings.player.size
    assert any("not exactly where it stopped" in event["text"] for event in wider.metrics.events())


def test_full_rings_are_saved_well_within_the_two_seconds_of_an_exit(tmp_path: Path) -> None:
    gym = Gym(tmp_path, Choosing(), replay_capacity=10_000)
    gym.play(100)
    gym.training.keep()
    for ring in (gym.training.rings.player, gym.training.rings.selfplay):
        columns = gym.training.rings.player.columns()
        while ring.size < ring.capacity:
            ring.append_many(columns)
    start = time.perf_counter()
    gym.training.close()
    assert time.perf_counter() - start < 1.0
    assert (tmp_path / FILE_NAME).stat().st_size > 2_000_000
