"""How the plugin starts and ends: settings, missing torch, damaged versions, other layers, a game that just stops."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cornerman.evaluation.verdict import Verdict
from cornerman.models.registry import Registry
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.training import build
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Choosing
from tests.support.paths import ROOT
from tests.support.table import Table, promote

# ----------------------------------------------------------------------------------------- settings and stored versions


def test_players_file_overrides_the_settings_of_the_game(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("difficulty = 2\n")
    with Table(Choosing(), tmp_path, difficulty=4, learning=False) as table:
        assert table.plugin.report()["difficulty"]["level"] == 2
        assert table.plugin.settings.seed == 1


def test_faulty_file_is_reported_and_keeps_the_settings_of_the_game(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("dificulty = 2\n")
    with Table(Choosing(), tmp_path, difficulty=4, learning=False) as table:
        assert table.plugin.report()["difficulty"]["level"] == 4
        assert "Did you mean difficulty?" in table.plugin.report()["plugin"]["notice"]


def test_faulty_settings_of_the_game_are_reported_and_keep_the_players_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("difficulty = 2\nlearning = false\n")
    with Table(Choosing(), tmp_path, colour="red") as table:
        assert table.plugin.report()["difficulty"]["level"] == 2
        assert "'colour'" in table.plugin.report()["plugin"]["notice"]
        assert table.plugin.settings.hidden == (128, 128)


@pytest.mark.parametrize("package", ["numba", "torch"])
def test_plugin_learns_without_numba_or_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with Table(Choosing(), tmp_path, warmup_fraction=0.0) as table:
        table.play(40, settle=True)
        assert table.plugin.report()["learner"]["steps"] > 0


@pytest.mark.parametrize(
    ("what", "says"),
    [("build_learner", "it could not start: numpy is of another build"), ("thread", "no thread could be started")],
)
def test_failed_start_of_learning_is_reported_and_the_game_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, says: str
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("numpy is of another build")

    if what == "thread":
        monkeypatch.setattr(threading.Thread, "start", fail)
    else:
        monkeypatch.setattr(build, what, fail)
    with Table(RINGSIDE, tmp_path) as table:
        table.play(2)
        report = table.plugin.report()
        assert table.versions
        assert (report["device"], report["device_why"], report["plugin"]["learning"]) == ("none", "", False)
        assert says in report["plugin"]["notice"]
        assert report["recorder"]["kept"] == 2


def test_damaged_champion_is_replaced_by_the_one_before_with_a_sentence(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        promote(table.plugin, 1)
    weights = tmp_path / "versions" / "000001" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        assert table.plugin.report()["version"] == 0
        assert any("damaged" in event["text"] for event in table.plugin.report()["events"])
        table.play(1)


def test_start_loads_as_many_champions_as_are_kept(tmp_path: Path) -> None:
    with Table(Choosing(), tmp_path, learning=False) as table:
        promote(table.plugin, 12)
    loaded: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        load = Registry.load

        def noted(self: Registry, version: int) -> Policy:
            loaded.append(version)
            return load(self, version)

        patch.setattr(Registry, "load", noted)
        with Table(Choosing(), tmp_path, learning=False) as table:
            assert [policy.version for policy in table.plugin.slot.champions] == list(range(5, 13))
    assert sorted(loaded) == list(range(5, 13))


def test_other_hidden_layers_than_the_stored_ones_still_learn_and_are_kept(tmp_path: Path) -> None:
    with Table(Choosing(), tmp_path, learning=False, hidden=[8]):
        pass
    with Table(Choosing(), tmp_path, hidden=[32]) as table:
        champion = table.plugin.slot.champion
        assert champion.spec == NetworkSpec(champion.spec.observation_size, 3, (8,))
        verdict = Verdict(True, "Promoted: by hand, in a test.")
        table.on_owner(lambda loop: loop.candidates.decide(champion, loop.provenance(), verdict))
        assert table.plugin.report()["version"] == 1, table.plugin.report()["events"]


SLOPPY = """
import sys
from pathlib import Path
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import Table, promote

table = Table(RINGSIDE, Path(sys.argv[1]), training_window="always", practice=1000.0)
table.play(1)
assert table.plugin.training.windows.window_open
print("the game is over", flush=True)
"""


def test_game_that_never_calls_on_quit_ends_with_status_0_and_keeps_what_was_learned(tmp_path: Path) -> None:
    root = ROOT
    ended = subprocess.run(
        [sys.executable, "-c", SLOPPY, str(tmp_path)], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "the game is over\n"), ended.stderr
    assert (tmp_path / "resume.safetensors").stat().st_size > 0


LOADED = """
import gc, sys
from pathlib import Path
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import Table, promote

for learning in (False, True, True):
    with Table(RINGSIDE, Path(sys.argv[1]), learning=learning) as table:
        print(gc.get_freeze_count())
"""


def test_start_freezes_what_learns_for_the_garbage_collector(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOADED, str(tmp_path)], capture_output=True, text=True, timeout=120, check=True
    )
    off, first, second = (int(line) for line in ended.stdout.splitlines())
    assert off == 0, "with learning off nothing of it is touched"
    assert first > 50_000
    assert second == pytest.approx(first, rel=0.01), "once in a process: what comes later can be collected"


def test_quit_twice_is_no_fault(tmp_path: Path) -> None:
    table = Table(Choosing(), tmp_path)
    table.plugin.on_quit()
    table.plugin.on_quit()
    assert not table.plugin.training.running
