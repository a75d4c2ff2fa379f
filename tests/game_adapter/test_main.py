"""The command line of `python -m game_adapter`: help for a stranger, clear refusals, clean endings. In this process."""

from __future__ import annotations

import builtins
import logging
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import game_adapter.__main__ as game_main
from game_adapter.__main__ import main
from game_adapter.host.host import Host
from game_adapter.ringside.game import RINGSIDE
from tests.support.held_folder import held
from tests.support.paths import PLUGINS


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written into the checkout or the tester's own data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGSIDE_DATA", str(tmp_path / "data"))


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Packages put in here cannot be imported from then on."""
    names: list[str] = []
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] in names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])
        return real(name, *rest, **more)

    for module in [name for name in sys.modules if name.startswith("game_adapter.ringside.") or "curve" in name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", absent)
    return names


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    output, errors = capsys.readouterr()
    assert output == ""
    return errors.splitlines()[-1].removeprefix("python -m game_adapter: error: ")


def played(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["--headless", "--battles", "1", *arguments]) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    return output.splitlines()


def test_help_names_every_option_every_bot_and_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for word in ("plugins", "data", "fresh", "watch", "bot", "seed", "headless", "battles", "json", "out", "verbose"):
        assert f"--{word} " in text
    assert ", ".join(RINGSIDE.bots) in text
    assert "Exit status: 0 " in text
    assert "F1 opens the debug menu" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--battles", "0"], "--battles must be at least 1"),
        (["--battles", "many"], "argument --battles: invalid int value: 'many'"),
        (["--seed", "-1"], "--seed must be 0 or a larger whole number (below 2**63)"),
        (["--seed", str(2**63)], "--seed must be 0 or a larger whole number (below 2**63)"),
        (["--bot", "nobody"], "--bot: there is no 'nobody'; there are random, brawler, tactician, planner"),
        (["--headless", "--watch"], "--watch needs the window: leave out --headless"),
        (["--plugins", "a_file"], "--plugins: a_file is not a folder"),
        (["--headless", "--json", "a_folder"], "--json: a_folder cannot be written (Is a directory)"),
        (["--headless", "--json", "no/x"], "--json: no/x cannot be written (No such file or directory)"),
        (["--headless", "--out", "a_file"], "--out: the folder a_file cannot be made (File exists)"),
        (["--headless", "--data", "a_file/x"], "--data: the folder a_file/x cannot be made (Not a directory)"),
        (["--headless", "--json", "a_file", "--seed", "-1"], "--seed must be 0 or a larger whole number (below 2**63)"),
        (
            ["--plugins", "plugins/sparrow"],
            "--plugins: plugins/sparrow is a plugin itself; name the folder that it lies in",
        ),
        (["--loud"], "unrecognized arguments: --loud"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the system's own words differ there")
def test_impossible_options_are_refused_with_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    Path("a_file").write_text("kept", "utf-8")
    Path("a_folder").mkdir()
    Path("plugins/sparrow").mkdir(parents=True)
    Path("plugins/sparrow/plugin.toml").touch()
    assert refused(capsys, *arguments).startswith(sentence)
    assert Path("a_file").read_text("utf-8") == "kept"


@pytest.mark.skipif(sys.platform == "win32", reason="the system itself refuses to rename it there")
@pytest.mark.parametrize("headless", [True, False])
def test_fresh_start_takes_no_folder_away_from_a_running_game(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, headless: bool
) -> None:
    for name in ("_play_in_window", "_headless"):
        monkeypatch.setattr(game_main, name, lambda _: "")
    folder = Path("data", "series" if headless else "player", "cornerman")
    arguments = ["--fresh", *["--headless"] * headless]
    with held(folder):
        words = f"{folder.absolute()}; close that first, or give another --data"
        assert refused(capsys, *arguments) == f"--fresh: another game uses {words}"
    main(arguments)


def test_fresh_start_where_the_folder_cannot_be_set_aside_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied", str(path), None, str(target))

    Path("data/series").mkdir(parents=True)
    monkeypatch.setattr(Path, "rename", denied)
    wanted = f"--fresh: {Path('data/series').absolute()} cannot be set aside (Permission denied)"
    assert refused(capsys, "--headless", "--fresh") == wanted


@pytest.mark.parametrize("verbose", [True, False])
def test_verbose_logs_cornerman_and_the_host_alone(monkeypatch: pytest.MonkeyPatch, verbose: bool) -> None:
    loggers = [logging.getLogger(name) for name in ("cornerman", "host", "matplotlib")]
    logs: list[bool] = []
    monkeypatch.setattr(game_main, "_headless", lambda _: logs.extend(x.isEnabledFor(logging.DEBUG) for x in loggers))
    try:
        main(["--headless", *["--verbose"] * verbose])
        assert logs == [verbose, verbose, False]
    finally:
        for logger in loggers:
            logger.setLevel(logging.NOTSET)


def test_missing_library_costs_its_own_picture_alone(
    capsys: pytest.CaptureFixture[str], not_installed: list[str]
) -> None:
    assert played(capsys)[-1] == f"Pictures: {Path('out/curve.png')}, {Path('out/battle.png')}, {Path('out/menu.png')}"
    not_installed.append("matplotlib")
    *_, missing, drawn = played(capsys, "--out", "second")
    assert missing == "curve.png was not drawn: this Python does not have matplotlib (pip install matplotlib)."
    assert drawn == f"Pictures: {Path('second/battle.png')}, {Path('second/menu.png')}"


def test_picture_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out/curve.png").mkdir(parents=True)
    Path("out/battle.png").mkdir()
    *_, curve, battle, drawn = played(capsys)
    assert curve.startswith("curve.png was not written to out (")
    assert battle.startswith("battle.png was not written to out (")
    assert drawn == f"Pictures: {Path('out/menu.png')}"


def test_without_pygame_it_says_so_and_plays_headless(
    capsys: pytest.CaptureFixture[str], not_installed: list[str]
) -> None:
    not_installed.append("pygame")
    assert main(["--battles", "1"]) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    assert output.splitlines()[0] == (
        "The window needs pygame, which this Python does not have (pip install pygame). "
        "Playing a headless series of a fresh Cornerman instead."
    )
    assert "battle.png was not drawn: this Python does not have pygame" in output


@pytest.mark.parametrize(
    ("kept", "options", "level"),
    [("", [], 2), ("difficulty = 4", [], 4), ("difficulty = 4", ["chosen"], 3), ("", ["--watch"], 5)],
    ids=["new player", "settings", "chosen before", "watching"],
)
def test_new_player_meets_an_easy_opponent_and_whoever_chose_a_level_keeps_it(
    monkeypatch: pytest.MonkeyPatch, kept: str, options: list[str], level: int
) -> None:
    folder = Path("data/player/cornerman")
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_text(f"learning = false\n{kept}\n", "utf-8")
    if "chosen" in options:
        (folder / "switches.json").write_text('{"difficulty": 3}', "utf-8")
    opened: list[tuple[Any, Any]] = []

    def run(make_host: Any, *_: object, preferences: Any, **more: object) -> Any:
        opened.append((make_host(), preferences))
        return SimpleNamespace(run=lambda: None)

    monkeypatch.setattr(import_module("game_adapter.ringside.screens.window"), "open_window", run)
    assert main(["--plugins", str(PLUGINS), "--data", "data", *filter("chosen".__ne__, options)]) == 0
    [(host, preferences)] = opened
    host.load()
    try:
        assert host.report("cornerman")["difficulty"]["level"] == level
        host.set_difficulty(1)
        assert host.report("cornerman")["playing"].startswith("level 1, gentle")
    finally:
        host.quit()
    assert preferences.path == Path("data/preferences.json")
    assert '"difficulty": 1' in (folder / "switches.json").read_text("utf-8")


@pytest.mark.parametrize("moment", ["load", "draw"])
def test_interrupt_outside_of_the_series_ends_cleanly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    quits: list[Host] = []

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Host, "quit", lambda host: quits.append(host))
    owner: Any = Host if moment == "load" else import_module("game_adapter.curve")
    monkeypatch.setattr(owner, "load" if moment == "load" else "draw_curve", interrupt)
    assert played(capsys)[-1] == "Stopped. What was learned is kept."
    assert len(quits) == 1
