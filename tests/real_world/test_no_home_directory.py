"""No home directory, as for a service or in a container: nothing that does not need one asks for it.

Rule: a default that the system may refuse is computed where it is used, not where options are declared.
"""

from __future__ import annotations

import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from cornerman.__main__ import main as command
from game_adapter.__main__ import main as game
from game_adapter.ringside.game import RINGSIDE
from tests.support.paths import environment
from tests.support.stored_versions import store_versions

XDG = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
VARIABLES = ("HOME", "USERPROFILE", "RINGSIDE_DATA", "MPLCONFIGDIR", *XDG)


@pytest.fixture(autouse=True)
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match="home directory"):
        Path.home()


def status_of(main: object, *arguments: str) -> int:
    assert callable(main)
    try:
        return int(main(list(arguments)))
    except SystemExit as ended:
        return int(str(ended.code or 0))


@pytest.mark.parametrize("name", ["", "train", "evaluate", "versions", "data", "doctor", "install"])
def test_help_of_every_command(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert status_of(command, *[name] * bool(name), "--help") == 0
    assert "usage: cornerman" in capsys.readouterr().out


def test_the_game_asks_for_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(game, "--headless", "--battles", "1") == 2
    assert "--data: this user has no home directory to keep data in; name a folder" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["option", "RINGSIDE_DATA", "XDG_DATA_HOME"])
def test_the_game_plays_where_a_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    if how != "option":
        monkeypatch.setenv(how, str(tmp_path / "data"))
    (tmp_path / "plugins").mkdir()
    options = ["--data", str(tmp_path / "data")] * (how == "option")
    assert status_of(game, "--headless", "--battles", "1", "--plugins", str(tmp_path / "plugins"), *options) == 0
    assert (tmp_path / "data").is_dir()
    assert (tmp_path / "out" / "curve.png").is_file()


def test_an_empty_variable_is_no_folder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """XDG_DATA_HOME="" counts as unset (its specification says so), not as the present folder."""
    monkeypatch.setenv("XDG_DATA_HOME", "")
    assert status_of(game, "--headless", "--battles", "1") == 2
    assert "no home directory" in capsys.readouterr().err


def test_pictures_of_versions_are_drawn(tmp_path: Path) -> None:
    store_versions(tmp_path / "data", RINGSIDE)
    assert status_of(command, "versions", "--data", str(tmp_path / "data"), "--plot", str(tmp_path / "v.png")) == 0
    assert (tmp_path / "v.png").is_file()


def test_a_present_folder_that_was_deleted(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    arguments = "['evaluate', '--game', 'game_adapter.ringside.game:RINGSIDE', '--agent', 'random', '--bot', 'random'"
    # numpy first: Python 3.13.0 cannot import it without a present folder
    code = f"import numpy, os, shutil; os.chdir({str(gone)!r}); shutil.rmtree({str(gone)!r}); "
    code += f"from cornerman.__main__ import main; raise SystemExit(main({arguments}, '--battles', '2']))"
    home = environment(HOME=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], env=home, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "random against random" in done.stdout
