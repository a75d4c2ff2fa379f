"""How the plugin starts and ends: settings, missing torch, damaged versions, other layers, a game that just stops."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cornerman.evaluation.verdict import Verdict
from cornerman.files.database import set_aside_files
from cornerman.policy.q_network import NetworkSpec
from cornerman.training import build
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Choosing
from tests.support.dropped_plugins import run_python
from tests.support.local_training import local_plugin
from tests.support.paths import ROOT
from tests.support.table import Table


@pytest.mark.parametrize(
    ("file", "of_the_game", "level", "hidden", "notice"),
    [
        ("difficulty = 2", {}, 2, (16,), ""),
        ("dificulty = 2", {}, 4, (16,), "Did you mean difficulty?"),
        ("difficulty = 2\nlearning = false", {"colour": "red"}, 2, (), "'colour'"),
    ],
    ids=["the player's file first", "a fault in the file", "a fault of the game"],
)
def test_players_file_overrides_the_settings_of_the_game_and_faults_of_one_keep_the_other(
    tmp_path: Path, file: str, of_the_game: dict[str, str], level: int, hidden: tuple[int, ...], notice: str
) -> None:
    (tmp_path / "settings.toml").write_text(file)
    with Table(Choosing(), tmp_path, difficulty=4, learning=False, **of_the_game) as table:
        report = table.plugin.report()
        assert (report["difficulty"]["level"], table.plugin.settings.hidden) == (level, hidden)
        assert notice in report["plugin"]["notice"]
        assert (str(tmp_path / "settings.toml") in report["plugin"]["notice"]) == ("Did you mean" in notice)


DAMAGED = {
    "battles.sqlite": "",
    "history.sqlite": "",
    "champion.json": "(champion.json) is damaged: it is empty. Its copy counts.",
    "resume.safetensors": "The state of learning (resume.safetensors)",
    "switches.json": "The file of the panel's switches (switches.json) is damaged: it is empty. The settings count.",
    "versions/000000/manifest.json": "The manifest of version 0 (manifest.json) is damaged: it is empty.",
    "versions/000000/weights.safetensors": "The weights of version 0",
    "settings.toml": "",
}
"""Each file that a session leaves or reads, and what is said where it is empty."""
DECODERS_WORDS = ("Expecting", "Unterminated", "codec", "char ", "deserializing", "malformed", "not a database")


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_file_is_said_once_at_load_in_plain_words_and_a_database_kept(tmp_path: Path, name: str) -> None:
    path, wishes = tmp_path / name, {"hidden": [8], "worker": "off", "from_nothing": True, "device": "cpu"}
    plugin, _ = local_plugin(RINGSIDE, tmp_path, **wishes)
    plugin.store.history().add_battle("live 5", "0", "player", 1.0, 9)
    plugin.controls.set_difficulty(2)
    plugin.on_quit()
    sound = path.read_bytes() if path.exists() else b"difficulty = 1"
    for damage in (b"", bytes(range(256)) * 40, sound[: len(sound) * 2 // 3]):
        path.write_bytes(damage)
        plugin, _ = local_plugin(RINGSIDE, tmp_path, **wishes)
        said = " ".join(plugin.messages())
        assert name != "switches.json" or path.read_bytes() != damage, "mended before a kill"
        plugin.on_quit()
        a_kill_leaves_it = name.endswith(".sqlite") and not damage
        assert said or a_kill_leaves_it or (name == "settings.toml" and damage[:3] in (b"", b"dif"))
        assert not (said and a_kill_leaves_it), said
        assert not [words for words in DECODERS_WORDS if words in said], said
        assert damage or DAMAGED[name] in said
        plugin, _ = local_plugin(RINGSIDE, tmp_path, **wishes)
        again = [sentence for sentence in plugin.messages() if sentence in said]
        plugin.on_quit()
        assert not again or name == "settings.toml" or name.startswith("versions"), "what is Cornerman's is mended"
        if name.endswith(".sqlite") and damage:
            assert damage in [aside.read_bytes() for aside in set_aside_files(path)]
        path.write_bytes(sound)


def test_plugin_learns_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with Table(Choosing(), tmp_path, warmup_fraction=0.0) as table:
        table.play(40, settle=True)
        assert table.plugin.report()["learner"]["steps"] > 0


def test_failed_start_of_learning_is_reported_and_the_game_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("numpy is of another build")

    monkeypatch.setattr(build, "build_learner", fail)
    with Table(RINGSIDE, tmp_path) as table:
        table.play(2)
        report = table.plugin.report()
        assert table.versions
        assert (report["device"], report["device_why"], report["plugin"]["learning"]) == ("none", "", False)
        assert "it could not start: numpy is of another build" in report["plugin"]["notice"]
        assert report["recorder"]["kept"] == 2


def test_other_hidden_layers_than_the_stored_ones_still_learn_and_are_kept(tmp_path: Path) -> None:
    with Table(Choosing(), tmp_path, learning=False, hidden=[8]):
        pass
    with Table(Choosing(), tmp_path, hidden=[32]) as table:
        champion = table.plugin.slot.champion
        assert champion.spec == NetworkSpec(champion.spec.observation_size, 3, (8,))
        verdict = Verdict(True, "Promoted: by hand, in a test.")
        table.on_owner(lambda loop: loop.candidates.decide(champion, loop.provenance(), verdict))
        assert table.plugin.report()["version"] == 1, table.plugin.report()["events"]


@pytest.mark.parametrize(("frame_ms", "doubted"), [(0.0167, True), (16.7, False), (0.3, False), (0.0, False)])
def test_frames_in_seconds_are_said_once(tmp_path: Path, frame_ms: float, doubted: bool) -> None:
    with Table(Choosing(), tmp_path, learning=False) as table:
        for _ in range(250):
            table.on_frame(frame_ms, frame_ms / 2)
        said = [sentence for sentence in table.plugin.messages() if "give milliseconds" in sentence]
        assert len(said) == doubted


LOADED = """
import gc, sys
from pathlib import Path
from game_adapter.ringside.game import RINGSIDE
from tests.support.table import Table, promote

frozen = gc.get_freeze_count()  # some hundreds in Python 3.12, before anything is imported
for learning in (False, True, True):
    with Table(RINGSIDE, Path(sys.argv[1]), learning=learning) as table:
        table.plugin.settle(60.0)  # loading may take longer than `on_load` waits
        print(gc.get_freeze_count() - frozen, len(gc.get_objects()))
"""


def test_start_freezes_what_learns_for_the_garbage_collector(tmp_path: Path) -> None:
    lines = run_python(ROOT, LOADED, str(tmp_path)).splitlines()
    (off, _), (first, others), (second, _) = (map(int, line.split()) for line in lines)
    assert off == 0, "with learning off nothing of it is touched"
    assert first > others, "what is collected is less than what is kept out of collections"
    assert second == pytest.approx(first, rel=0.01), "once in a process: what comes later can be collected"


def test_data_folder_that_the_system_refuses_to_look_into_costs_recording_alone(tmp_path: Path) -> None:
    with Table(Choosing(), tmp_path / ("a" * 300)) as table:
        table.play(2)
        report = table.plugin.report()
        assert "cannot be used (File name too long)" in report["plugin"]["notice"]
        assert report["recorder"]["kept"] == 0
        assert "can only be read" in table.plugin.forget()
