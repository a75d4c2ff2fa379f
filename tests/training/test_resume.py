"""What was learned is saved now and then: a kill costs what came after, and its battles are learned from anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cornerman.files.checkpoint_file import FILE_NAME, CheckpointFile
from cornerman.training import resume as continuation
from cornerman.training.resume import MOST_SHARE, PERIOD_S, Schedule
from tests.support.choosing import Gym
from tests.support.failing_files import failing
from tests.training.test_exact_resume import SETTINGS, digest

SLOW_TO_PROMOTE = {"candidate_period": 100_000, "practice": 0.0, "held_out_fraction": 0.0}


def learned(folder: Path) -> Gym:
    """Learned from 40 battles, saved, and learned from 20 more that are not."""
    gym = Gym(folder, **SLOW_TO_PROMOTE)
    gym.training.resume()
    gym.play(40)
    gym.work()
    assert not (folder / FILE_NAME).exists()
    gym.training._saving.hurry()
    gym.work()
    assert (folder / FILE_NAME).exists()
    gym.play(20, 40)
    gym.work()
    return gym


def test_after_a_kill_learning_goes_on_from_what_was_saved_with_the_battles_kept_since(tmp_path: Path) -> None:
    killed = learned(tmp_path)
    assert killed.learner.steps > 100
    saved, _ = CheckpointFile(tmp_path).load()
    assert saved is not None
    again = Gym(tmp_path, **SLOW_TO_PROMOTE)
    again.training.resume()
    assert 70 <= again.learner.steps < killed.learner.steps
    assert np.array_equal(again.learner.state()["online"], saved[0]["online"])
    assert again.training._owed == saved[1]["owed"] + 40  # two decisions a battle
    assert again.training.recorded == killed.training.recorded == 120
    again.work()
    assert again.learner.steps == killed.learner.steps


def test_nothing_is_saved_where_nothing_was_learned_since(tmp_path: Path) -> None:
    gym = learned(tmp_path)
    gym.training._saving.hurry()
    gym.work()
    at = (tmp_path / FILE_NAME).stat().st_mtime_ns
    gym.training._saving.hurry()
    assert not gym.training.slice()
    assert (tmp_path / FILE_NAME).stat().st_mtime_ns == at


def test_a_promotion_is_followed_by_a_save(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0)
    gym.play(300)
    gym.work()
    assert gym.slot.champion.version > 0
    saved, _ = CheckpointFile(tmp_path).load()
    assert saved is not None
    assert "rings.player.next" not in saved[0], "the memory of play is the journal's"


def test_saving_in_between_changes_nothing_that_is_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for name, period in (("never", 1e9), ("always", 0.0)):
        monkeypatch.setattr(continuation, "PERIOD_S", period)
        monkeypatch.setattr(continuation, "MOST_SHARE", 1e9)
        gym = Gym(tmp_path / name, **SETTINGS)
        gym.training.resume()
        gym.play(30)
        gym.work()
        gym.training.close()
        gym = Gym(tmp_path / name, **SETTINGS)
        gym.training.resume()
        gym.play(30, 30)
        gym.work()
        digests.append(digest(gym.training))
    assert digests[0] == digests[1]


def test_a_full_disk_is_said_once(tmp_path: Path) -> None:
    gym = learned(tmp_path)
    with failing(1, lasting=True):
        for _ in range(3):
            gym.training._saving.hurry()
            gym.training._saving._steps = -1
            assert gym.training.slice()
    said = [event["text"] for event in gym.metrics.events() if "could not be saved" in event["text"]]
    assert len(said) == 1


def test_it_saves_after_a_while_and_less_often_where_that_takes_long() -> None:
    now = [0.0]
    schedule = Schedule(lambda: now[0])
    assert not schedule.due(1)
    now[0] = PERIOD_S
    assert schedule.due(1)
    assert not schedule.due(0), "nothing was learned"
    now[0] += 0.1
    schedule.saved(1, now[0] - 0.1)
    now[0] += PERIOD_S
    assert schedule.due(2)
    now[0] += 10.0
    schedule.saved(2, now[0] - 10.0)
    now[0] += 9.0 / MOST_SHARE
    assert not schedule.due(3)
    now[0] += 2.0 / MOST_SHARE
    assert schedule.due(3)


KILLED = """
import sys
from pathlib import Path
from cornerman.training import resume as continuation
from tests.support.choosing import Gym
from tests.training.test_resume import SLOW_TO_PROMOTE
continuation.PERIOD_S, continuation.MOST_SHARE = 0.0, 1e9
gym = Gym(Path(sys.argv[1]), **SLOW_TO_PROMOTE)
gym.training.resume()
for first in range(0, 10_000, 4):
    gym.play(4, first)
    gym.work()
    print(gym.training._saving._steps, gym.training._safe.kept, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_a_real_kill_costs_what_was_learned_after_the_last_save_and_no_more(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    for _ in range(20):
        process.stdout.readline()
    time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    told = process.stdout.read().split("\n")[:-1]
    process.stdout.close()
    process.wait()
    steps, battles = map(int, told[-1].split())
    gym = Gym(tmp_path, **SLOW_TO_PROMOTE)
    gym.training.resume()
    assert gym.learner.steps >= steps > 50
    assert gym.training.recorded >= 2 * battles
    gym.work()
    assert gym.learner.steps >= 2 * battles - gym.settings.burst_steps - 16  # every decision paid for its step
