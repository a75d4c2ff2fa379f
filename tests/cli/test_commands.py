"""The command line: help, sentences instead of tracebacks, measuring stored versions, and installing the plugin."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cornerman
from cornerman.contract import CornermanError
from cornerman.selfplay.games import find_game
from game_adapter.ringside.game import RINGSIDE
from tests.cli.conftest import Run
from tests.support.choosing import Choosing, Described
from tests.support.paths import ROOT
from tests.support.stored_versions import store_versions

GAME = "tests.cli.test_commands:CHOOSING"
CHOOSING, LIVE_ONLY = Choosing(), Described()


@pytest.mark.parametrize(
    "command",
    ["", "dance", "evaluate --battles many", "install", "train --decisions -5", "doctor --game chess"]
    + [f"train --minutes {bad}" for bad in (0, -1, "nan")],
)
def test_a_wrong_command_line_has_status_2_and_the_usage(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = run(*command.split())
    assert status == 2
    assert "usage: cornerman" in err
    assert "usage: cornerman doctor" in err or not command.startswith("doctor")
    assert "must be a" in err or not command.startswith("train")
    assert not list(tmp_path.iterdir())


def test_it_runs_as_a_module_of_its_own() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "cornerman", "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == f"cornerman {cornerman.__version__}\n"


def test_command_on_a_python_without_numpy_says_what_to_install(tmp_path: Path) -> None:
    code = "import runpy, sys; sys.modules['numpy'] = None; runpy.run_module('cornerman', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code, "doctor"], cwd=ROOT / "plugin", capture_output=True, text=True)
    assert done.returncode == 1
    first, *lines = done.stderr.splitlines()
    assert first == "cornerman needs numpy, which this Python does not have. To install:"
    assert [line for line in lines if "pip install numpy" in line] == lines[-1:]


def test_games_are_found_by_entry_point_by_module_and_in_the_present_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_game("ringside") is RINGSIDE
    assert find_game("game_adapter.ringside.game:RINGSIDE") is RINGSIDE
    (tmp_path / "boxing_game.py").write_text("from tests.support.choosing import Choosing\nGAME = Choosing()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert type(find_game("boxing_game:GAME")).__name__ == "Choosing"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("chess", "there is no game 'chess'"),
        ("no.such.module:GAME", "cannot be loaded"),
        ("tests.support.choosing:NOTHING", "cannot be loaded"),
        (":GAME", "cannot be loaded"),
        ("tests.support.choosing:Choosing", "is a class"),
        ("tests.cli.test_commands:LIVE_ONLY", "offers no headless battles.* With hooks alone nothing is missing"),
        ("json:dumps", "is no game: it has no name, version"),
    ],
)
def test_a_game_that_cannot_be_used_is_a_sentence(run: Run, name: str, why: str) -> None:
    with pytest.raises(CornermanError, match=why):
        find_game(name)
    status, out, err = run("evaluate", "--game", name, "--agent", "random")
    assert (status, out) == (1, "")
    assert err.startswith("cornerman evaluate: ")


def test_ghosts_of_a_game_without_headless_battles_are_listed(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("ghost", "--game", "tests.cli.test_commands:LIVE_ONLY", "--data", tmp_path)
    assert (status, out.startswith("No player's battles are stored")) == (0, True)


@pytest.mark.parametrize("command", ["doctor", "data", "versions"])
def test_folder_that_is_none_or_holds_the_one_that_is_meant_is_a_sentence(
    run: Run, tmp_path: Path, command: str
) -> None:
    (tmp_path / "cornerman" / "versions").mkdir(parents=True)
    status, _, err = run(command, "--data", tmp_path)
    assert (status, f"{tmp_path / 'cornerman'} may be meant" in err) == (1, True)
    assert run(command, "--data", tmp_path / "nowhere")[0] == 1


@pytest.mark.parametrize("command", ["data", "doctor", "versions", "versions import", "report", "train --resume"])
def test_path_that_the_system_refuses_is_a_sentence(run: Run, tmp_path: Path, command: str) -> None:
    store_versions(tmp_path, CHOOSING)
    path = tmp_path / ("a" * 300)
    where = ["--data", tmp_path, "import", path] if "import" in command else ["--data", path]
    status, out, err = run(*command.removesuffix(" import").split(), *where)
    assert (status, out) == (1, "")
    assert err.startswith(f"cornerman {command.split()[0]}: ")
    assert len(err.splitlines()) == 1


def test_train_asks_for_the_game_in_the_folder_of_another_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugins" / "cornerman").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    status, _, err = run("train", "--minutes", 9)
    assert (status, "and 'ringside' is what is installed; say with --game which" in err) == (1, True)
    assert not (tmp_path / "cornerman-data").exists()


OTHER_GAME = "holds versions of the game 'choosing'"
WHICH = f"{OTHER_GAME}, and 'ringside' is what is installed; name yours with --game module:attribute"


@pytest.mark.parametrize(
    ("command", "folder", "why"),
    [
        (f"train --game {GAME} --resume", "none", "there is no data folder"),
        ("evaluate --game ringside", "none", "holds no versions; train or start the game first, or name a game's"),
        ("train --game ringside --minutes 9", ".", f"{OTHER_GAME}; name another folder for 'ringside' with --data"),
        ("versions --game ringside", ".", f"{OTHER_GAME}; name another folder for 'ringside' with --data"),
        ("train --minutes 9", ".", WHICH),
        ("evaluate", ".", WHICH),
        ("export 0", ".", WHICH),
        ("ghost list", ".", WHICH),
        ("ghost play ann", ".", WHICH),
    ],
)
def test_folder_that_does_not_fit_a_command_is_a_sentence_and_left_as_it_was(
    run: Run, tmp_path: Path, command: str, folder: str, why: str
) -> None:
    store_versions(tmp_path, CHOOSING)
    before = sorted(tmp_path.rglob("*"))
    status, out, err = run(*command.split(), "--data", tmp_path / folder)
    assert (status, out) == (1, "")
    assert why in err
    assert sorted(tmp_path.rglob("*")) == before


def test_evaluate_prints_a_row_or_a_json_line_a_bot(run: Run, tmp_path: Path) -> None:
    store_versions(tmp_path, RINGSIDE)
    base = ("evaluate", "--game", "ringside", "--data", tmp_path, "--battles", 4)
    status, out, err = run(*base)
    assert (status, err) == (0, "Version 0 has learned nothing.\n")
    assert [line.split()[3] for line in out.splitlines()] == list(RINGSIDE.bots)
    status, out, _ = run(*base, "--json", "--bot", "random", "--seed", 3)
    row: dict[str, Any] = json.loads(out)
    assert (status, row["agent"], row["bot"], row["seed"], row["battles"]) == (0, "version 0", "random", 3, 4)
    assert row["wins"] + row["losses"] + row["draws"] == 4
    assert "not allowed with argument --version" in run(*base, "--version", 0, "--agent", "random")[2]
    assert run(*base, "--json", "--bot", "random", "--seed", 3)[1] == out
    for wrong, why in (("--version", "there is no version 9; there are 0"), ("--bot", "no bot '9'"), ("--battles", "")):
        status, out, err = run(*base, wrong, 1 if wrong == "--battles" else 9)
        assert (status, out) == (2 if wrong == "--battles" else 1, "")
        assert why in err.lower()


def test_evaluate_measures_a_bot_without_any_version(run: Run) -> None:
    arguments = ("--game", GAME, "--agent", "random", "--json", "--battles", "200")
    status, out, _ = run("evaluate", *arguments)
    row = json.loads(out)
    assert (status, row["agent"], row["battles"]) == (0, "random", 200)
    assert row["interval"][0] < 0.25 + 0.1
    assert 0.1 < row["win_rate"] < 0.4  # each side wins a quarter of the battles
    assert row["repeated"] == 0, "seeds begin in different states, so every battle counts"


def test_train_and_then_evaluate(run: Run, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        'device = "cpu"\nhidden = [16]\nlearning_rate = 0.005\nfrom_nothing = true\n'
    )
    status, out, _ = run("train", "--game", GAME, "--data", tmp_path, "--decisions", 20_000, "--workers", 1)
    assert "Training " in out.splitlines()[0]
    assert status == 0
    assert f"It is stored in {tmp_path}" in out
    assert "No ladder for the levels of difficulty" in out or "Levels of difficulty, in points" in out
    status, out, _ = run("evaluate", "--game", GAME, "--data", tmp_path, "--json", "--battles", 200)
    row = json.loads(out)
    assert status == 0
    assert row["agent"] != "version 0", "nothing passed the gate"
    assert row["win_rate"] > 0.4  # the best there is wins every second battle, the other half are drawn
    assert row["losses"] == 0


def test_install_copies_the_plugin_and_replaces_an_older_copy(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        status, out, _ = run("install", tmp_path / "plugins")
        assert (status, out) == (0, f"The plugin is in {tmp_path / 'plugins' / 'cornerman'}\n")
        copy = tmp_path / "plugins" / "cornerman"
        source = Path(cornerman.__file__).parent
        wanted = {path.relative_to(source) for path in source.rglob("*") if "__pycache__" not in path.parts}
        assert {path.relative_to(copy) for path in copy.rglob("*")} == wanted
        assert [path.name for path in (tmp_path / "plugins").iterdir()] == ["cornerman"]
        (copy / "left_from_an_older_one.py").write_text("")
    status, _, err = run("install", copy)
    assert (status, "is a plugin itself; name the folder that it lies in" in err) == (1, True)


@pytest.mark.parametrize("when", ["copying", "moving in"])
def test_a_copy_that_fails_leaves_the_old_one_and_nothing_else(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    old = tmp_path / "cornerman"
    old.mkdir()
    (old / "mine.txt").write_text("old")
    rename = Path.rename

    def fails(self: Path, target: Any) -> Any:
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if when == "copying":
        monkeypatch.setattr(shutil, "copytree", full)
    else:
        monkeypatch.setattr(Path, "rename", fails)
    status, _, err = run("install", tmp_path)
    assert status == 1
    assert "No space left" in err
    assert [path.name for path in tmp_path.iterdir()] == ["cornerman"]
    assert (old / "mine.txt").read_text() == "old"


@pytest.mark.parametrize("where", ["file/below", "a" * 300], ids=["below a file", "too long"])
@pytest.mark.parametrize(
    "command",
    [
        *("install X", "versions --data X", "versions import X", "versions --plot X/p.png", "report X"),
        *("data --data X", f"data --game {GAME} --data X", "data --plot X/p.png"),
        *("doctor --data X", f"train --game {GAME} --data X"),
    ],
)
def test_impossible_path_is_a_sentence_with_its_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    store_versions(Path("cornerman-data"), CHOOSING)
    Path("file").write_text("")
    status, _, err = run(*command.replace("X", where).split())
    assert (status, "Errno" in err, where in err) == (1, False, True)


def test_install_refuses_the_folder_that_it_runs_from_and_a_file_in_the_way(run: Run, tmp_path: Path) -> None:
    source = Path(cornerman.__file__).parent
    before = sorted(source.iterdir())
    (tmp_path / "plugins").write_text("")
    for folder, why in ((source.parent, "the folder this runs from"), (tmp_path / "plugins", "plugins is a file")):
        status, _, err = run("install", folder)
        assert status == 1
        assert why in err
    assert sorted(source.iterdir()) == before


def test_who_stops_reading_the_output_ends_it_quietly() -> None:
    command = [sys.executable, "-m", "cornerman", "evaluate", "--game", GAME, "--agent", "random", "--battles", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == 0
        assert not process.stderr.read()
