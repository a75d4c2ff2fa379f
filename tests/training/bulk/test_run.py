"""Bulk training: its limits, what it says, and that the player's settings cannot make it hang."""

from __future__ import annotations

import importlib.util
import signal
import threading
from pathlib import Path

import pytest
import torch

from cornerman.contract import CornermanError, SettingsError
from cornerman.learning import device as device_choice
from cornerman.learning.accelerator import device_actor, device_replay
from cornerman.learning.device import Choice
from cornerman.learning.learner import Learner
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.worker import SCALAR
from cornerman.training.bulk import loop as bulk_loop
from cornerman.training.bulk.loop import Plan
from cornerman.training.bulk.run import Interrupts, _on_devices, train
from cornerman.training.training_loop import TrainingLoop
from tests.support.choosing import Choosing

FILE = 'device = "cpu"\nhidden = [16]\nlearning_rate = 0.005\ncandidate_period = 200\nbatch_size = 16\n'


@pytest.fixture(autouse=True)
def usual_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the tests' own thread would keep the trainer's low priority."""
    monkeypatch.setattr(device_choice, "configure_trainer_thread", lambda: False)


def begin(folder: Path, more: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "settings.toml").write_text(FILE + more)
    return folder


def test_it_stops_after_the_decisions_and_goes_on_from_there(tmp_path: Path) -> None:
    said: list[str] = []
    first = train(Choosing(), begin(tmp_path), 1200, None, 1, said.append)
    assert first > 0
    assert said[0].split()[:2] == ["minutes", "decisions"]
    assert 1200 <= int(said[-2].split()[1]) < 1300
    assert said[-1] == f"Version {first} plays. It is stored in {tmp_path}"
    assert any("passed the gate" in line for line in said)
    again: list[str] = []
    train(Choosing(), tmp_path, 200, None, 1, again.append)
    assert int(again[-2].split()[2]) > int(said[-2].split()[2]), "the learning steps go on counting"


def test_minutes_are_a_limit_too(tmp_path: Path) -> None:
    said: list[str] = []
    train(Choosing(), begin(tmp_path), None, 0.01, 1, said.append)
    assert float(said[-2].split()[0]) < 1.0


@pytest.mark.parametrize("line", ["learning = true\n", "practice = 0.0\n", "seed = 5\nrecording = false\n"])
def test_no_setting_of_the_player_makes_it_hang_or_start_a_second_trainer(tmp_path: Path, line: str) -> None:
    before = threading.active_count()
    train(Choosing(), begin(tmp_path, line), 100, None, 1, lambda _: None)
    assert threading.active_count() == before


def test_a_faulty_settings_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="colour"):
        train(Choosing(), begin(tmp_path, "colour = 1\n"), 100, None, 1, lambda _: None)


def test_without_torch_it_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CornermanError, match="pip install torch"):
        train(Choosing(), tmp_path, 100, None, 1, lambda _: None)


def test_an_interrupt_ends_it_cleanly_and_keeps_the_learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slices, work = [0], TrainingLoop.slice

    def interrupted(self: TrainingLoop) -> bool:
        slices[0] += 1
        if slices[0] == 200:
            raise KeyboardInterrupt
        return work(self)

    monkeypatch.setattr(TrainingLoop, "slice", interrupted)
    said: list[str] = []
    train(Choosing(), begin(tmp_path), None, 10.0, 1, said.append)
    assert "Stopped." in said
    assert (tmp_path / "resume.safetensors").is_file()


def test_a_first_interrupt_is_noted_and_a_second_one_raises() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupts() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGTERM)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def planned(elsewhere: bool = False, device: str = "cuda") -> tuple[Plan, dict[str, Choice]]:
    learner = Learner(NetworkSpec(4, 3, (8,)))
    choice = Choice(device, "It learns there.")
    return _on_devices(Choosing(), Plan(decisions=1), learner, choice, 16, elsewhere)


def test_acting_and_rows_go_where_a_timing_says(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def speed(*what: object) -> float:
        asked.append(what)
        return 2.0 if what[0] == "cuda" else 1.0

    monkeypatch.setattr(device_actor, "acting_speed", speed)
    monkeypatch.setattr(device_replay, "picking_speed", speed)
    plan, devices = planned()
    assert (plan.acting, plan.rows_on) == ("cuda", "cuda")
    assert set(devices) == {"learning", "acting", "rows"}
    assert [what[-1] for what in asked] == [2 * SCALAR // 3] * 2 + [16 * plan.batch_size] * 2
    plan, devices = planned(elsewhere=True)
    assert (plan.acting, plan.rows_on) == ("", "cuda")
    assert "on Ray" in devices["acting"].why
    with monkeypatch.context() as patch:
        patch.setattr(bulk_loop, "refuse_impossible", refused_with_torch)
        plan, devices = planned()
    assert (plan.acting, plan.rows_on) == ("", "cuda")
    assert devices["acting"].why == "It acts with numpy. On cuda: too much."
    asked.clear()
    plan, devices = planned(device="cpu")
    assert (plan.acting, plan.rows_on, set(devices), asked) == ("", "", {"learning"}, [])


def refused_with_torch(plan: Plan, learner: Learner) -> None:
    if plan.acting:
        raise SettingsError("too much.")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_leaves_everything_to_numpy() -> None:
    plan, devices = planned()
    assert (plan.acting, plan.rows_on) == ("", "")
    for what in ("acting", "rows"):
        assert "on cuda failed in a trial" in devices[what].why


def test_every_event_is_said_once_however_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, work = [0], TrainingLoop.slice

    def telling(self: TrainingLoop) -> bool:
        busy = work(self)
        if not busy:
            told[0] += 1
            self._metrics.event(f"told {told[0]}")
        return busy

    monkeypatch.setattr(TrainingLoop, "slice", telling)
    said: list[str] = []
    train(Choosing(), begin(tmp_path), 100, None, 1, said.append)
    numbers = [int(line.split()[1]) for line in said if line.startswith("  told ")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 20
