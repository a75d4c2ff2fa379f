"""Bulk training that was stopped, or killed after a checkpoint, goes on as if it never had been: bit for bit."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cornerman.contract import ModelError
from cornerman.files.checkpoint_file import CheckpointFile
from tests.support.bulk_command import start_training
from tests.support.bulk_run import DECISIONS, GAMES, STRETCH, LocalWorker, Run, small_batches, stored
from tests.support.waiting import wait_for


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    with small_batches():
        yield


def resumed(folder: Path, name: str, decisions: int, **plan: Any) -> Run:
    run = Run(folder, name, decisions, **plan)
    run.loop.resume()
    return run


def compare(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for part in wanted.keys() - {"arrays"}:
        assert found[part] == wanted[part], part
    assert found["arrays"].keys() == wanted["arrays"].keys()
    assert not [name for name, data in wanted["arrays"].items() if found["arrays"][name] != data]


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What comes of a run that nothing stops, by game."""
    return {name: Run(tmp_path_factory.mktemp(name), name, DECISIONS).digest() for name in GAMES}


def test_there_is_something_to_compare(straight: dict[str, dict[str, Any]]) -> None:
    for name, whole in straight.items():
        assert whole["counts"]["candidates"] >= 3, name
        assert whole["counts"]["promoted"] >= 1, name
        assert len(whole["gates"]) == whole["counts"]["candidates"]
        met = {player for meeting in whole["meetings"] for player in (meeting.player, meeting.opponent)}
        assert met >= {str(version) for version in whole["line"]} | set(GAMES[name].bots)
        assert len(whole["log"]) >= 10


@pytest.mark.parametrize(("name", "stops"), [("ringside", (3, 2)), ("choosing", (1,))])
def test_stopped_and_resumed_is_never_stopped(
    tmp_path: Path, straight: dict[str, dict[str, Any]], name: str, stops: tuple[int, ...]
) -> None:
    done = 0
    for answers in stops:
        run = (resumed if done else Run)(tmp_path, name, DECISIONS - done)
        assert not run.stop_after(answers)
        done = run.loop.progress.decisions
    compare(resumed(tmp_path, name, DECISIONS - done).digest(), straight[name])


class LateJudge(LocalWorker):
    """A worker that never answers with a verdict."""

    asked = 0

    def answer(self, wait_s: float) -> Any:
        if self.under_way is not None and self.under_way[1]["kind"] == "judge":
            LateJudge.asked += 1
            return None
        return super().answer(wait_s)


def test_stopped_while_it_waits_for_the_judge_is_never_stopped(
    tmp_path: Path, straight: dict[str, dict[str, Any]]
) -> None:
    LateJudge.asked = 0
    run = Run(tmp_path, "choosing", DECISIONS, LateJudge)
    assert not run.loop.run(lambda: LateJudge.asked > 2)
    assert run.loop.promotion.candidates.number == 1
    run.store.close()
    again = resumed(tmp_path, "choosing", DECISIONS - run.loop.progress.decisions)
    compare(again.digest(), straight["choosing"])


def test_where_an_accelerator_learns_it_does_not_wait_for_the_judge(tmp_path: Path) -> None:
    LateJudge.asked = 0
    run = Run(tmp_path, "choosing", DECISIONS, LateJudge)
    run.learner.device = "cuda"  # as far as the loop can see
    run.loop.run(lambda: run.loop.progress.decisions >= DECISIONS or LateJudge.asked > 1000)
    run.store.close()
    assert run.loop.progress.decisions >= DECISIONS
    assert run.loop.promotion.candidates.number == 1


class KilledError(Exception):
    """Stands for kill -9: nothing of what follows is run but what a `finally` does here, which writes nothing."""


def test_killed_after_a_checkpoint_and_resumed_is_never_killed(
    tmp_path: Path, straight: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints after each of four answers; the kill is three later, with log, history and versions gone on."""
    taken, checkpoints = [0], 4

    class Killed(LocalWorker):
        def answer(self, wait_s: float) -> Any:
            if self.under_way is not None and self.under_way[1]["kind"] == "collect":
                taken[0] += 1
                if run.loop.progress.decisions >= (checkpoints + 2) * STRETCH["ringside"]:
                    raise KilledError
            return super().answer(wait_s)

    run = Run(tmp_path, "ringside", DECISIONS, Killed, checkpoint_s=0.0)
    save = run.store.bulk_checkpoint.save

    def saved(*state: Any) -> int:
        if run.loop.progress.decisions > checkpoints * STRETCH["ringside"]:
            raise ModelError("No room.")
        return save(*state)

    monkeypatch.setattr(run.store.bulk_checkpoint, "save", saved)
    with pytest.raises(KilledError):
        run.loop.run()
    run.store.close()
    done = checkpoints * STRETCH["ringside"]
    assert done < run.loop.progress.decisions
    assert run.loop.promotion.promoted == 1, "in between a version was stored, not to be stored twice"
    assert stored(tmp_path)[1]["promotion"]["counts"]["promoted"] == 0
    again = resumed(tmp_path, "ringside", DECISIONS - done)
    assert again.loop.progress.decisions == done
    compare(again.digest(), straight["ringside"])


@pytest.mark.parametrize("lost", [False, True])
def test_rows_on_a_device_teach_the_same_also_where_it_is_lost(
    tmp_path: Path, straight: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """torch's "cpu" stands for the device; it is lost in the middle of learning from rows on it."""
    torch = pytest.importorskip("torch", reason="the device is torch's")
    run = Run(tmp_path, "choosing", DECISIONS, rows_on="cpu")
    learn, on_device = run.learner.learn_burst, list[bool]()

    def learned(batch: Any) -> Any:
        on_device.append(isinstance(batch.action, torch.Tensor))
        if lost and len(on_device) == 5:
            raise RuntimeError("the device is lost")
        return learn(batch)

    monkeypatch.setattr(run.learner, "learn_burst", learned)
    compare(run.digest(), straight["choosing"])
    assert all(on_device[:5])
    assert not any(on_device[5:]) if lost else all(on_device)
    assert run.loop.faults == ["Rows on cpu failed, so they come from here: the device is lost"] * lost


def test_versions_that_descend_from_the_players_battles_say_so(tmp_path: Path) -> None:
    """Erasing what was learned from the player must find what bulk training made of it."""
    run = Run(tmp_path, "choosing", DECISIONS)
    registry, manifest = run.store.registry, tmp_path / "versions" / "000000" / "manifest.json"
    assert not registry.manifest(0).from_player
    manifest.write_text(json.dumps({**json.loads(manifest.read_text("utf-8")), "from_player": True}), "utf-8")
    run.digest()
    assert len(registry.numbers()) > 1, "nothing was promoted"
    assert all(registry.manifest(version).from_player for version in registry.numbers())


@pytest.mark.long
def test_processes_that_are_killed_go_on_bit_for_bit(tmp_path: Path) -> None:
    """Two workers, a judge and a learner: kill -9 in the middle, and then Ctrl-C, give what one run gives."""
    total = 500_000
    for name in ("straight", "killed"):
        (tmp_path / name).mkdir()
        text = 'device = "cpu"\nfrom_nothing = true\nhidden = [16]\ngate_min_pairs = 2\ngate_max_pairs = 12\n'
        (tmp_path / name / "settings.toml").write_text(text)
    options = ("--workers", "2", "--checkpoint", "1", "--seed", "3")
    finish(tmp_path / "straight", total, *options)
    folder, done = tmp_path / "killed", 0

    def saved_more() -> bool:
        assert running.poll() is None, running.communicate()[0]
        saved, _ = CheckpointFile(folder / "bulk").load()
        return saved is not None and bool(saved[1]["progress"]["decisions"] > done)

    for how in (signal.SIGKILL, signal.SIGINT):
        more = ["--resume"] if done else []
        running = start_training(folder, "--decisions", str(total - done), *options, *more)
        wait_for(saved_more, 60.0, pause_s=0.3)
        running.send_signal(how)
        running.communicate(timeout=60.0)
        done = stored(folder)[1]["progress"]["decisions"]
        assert 0 < done < total
    finish(folder, total - done, *options, "--resume")
    (wanted, notes), (found, others) = stored(tmp_path / "straight"), stored(folder)
    assert notes["promotion"]["counts"] == others["promotion"]["counts"]
    assert notes["promotion"]["counts"]["candidates"] >= 2
    assert found.keys() == wanted.keys()
    assert not [name for name in wanted if wanted[name].tobytes() != found[name].tobytes()]


def finish(folder: Path, decisions: int, *options: str) -> None:
    running = start_training(folder, "--decisions", str(decisions), *options)
    out = running.communicate(timeout=100.0)[0]
    assert running.returncode == 0, out
