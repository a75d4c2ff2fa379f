"""`cornerman check`: what it prints and its exit status, for a sound game and for one with a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_sound_game_passes(run: Run) -> None:
    status, printed, _ = run("check", "tests.support.slow_game:GAME", "--battles", 5)
    assert status == 0
    assert "the same seed and actions give the same battle" in printed
    assert "another process imports it as tests.support.slow_game:GAME" in printed
    assert "note   not offered: restore()" in printed
    assert "Not checked without it: whether encode() shows" in printed
    assert "note   not offered: batched_bots and new_battles" in printed
    assert printed.endswith("Nothing to mend.\n")


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        ("", "note   not offered: bots and new_battle; so no battle was played, and states"),
        ("bots = {}", "       -> bots is of use with new_battle alone."),
    ],
)
def test_game_of_hooks_alone_passes_and_is_told_what_was_not_checked(
    offered: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    name = f"hooks_alone_{len(offered)}"
    declared = "name, version, action_names = 'duel', '1', ('strike', 'guard')"
    (tmp_path / f"{name}.py").write_text(f"class Duel:\n    {declared}\n    {offered}\nGAME = Duel()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    status, printed, _ = run("check", f"{name}:GAME")
    assert (status, printed.endswith("Nothing to mend.\n")) == (0, True)
    assert printed.startswith("duel 1: 2 actions, hooks alone\n")
    assert said in printed


def test_new_game_passes_its_check_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert run("new", "stones_to_check").status == 0
    status, printed, _ = run("check", "stones_to_check:GAME")
    assert (status, printed.endswith("Nothing to mend.\n")) == (0, True)
    assert "NAME" not in (tmp_path / "stones_to_check.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("module", "declared", "wrong", "sentences"),
    [
        (
            "faulty",
            "action_names, import_name = sound.action_names[1:], 'no_such_module:GAME'",
            2,
            ["WRONG  action_mask() gives", "WRONG  another process cannot import no_such_module:GAME", "       -> "],
        ),
        (
            "slime",
            "own_fighter = 'slime'",
            1,
            ["WRONG  The game 'slow-game' cannot be learned: its own_fighter is 'slime'; name which"],
        ),
        ("shipped", "base_model = 'none.zip'", 1, ["WRONG  base_model cannot be used, so hunter would play: "]),
        (
            "method",
            "def bots(self): return {}",
            1,
            ["WRONG  The game 'slow-game' cannot be learned: its bots are <bound", "; bots must be a mapping of names"],
        ),
        ("sound", "own_fighter = 'random'", 0, ["ok     random plays until a version has proved better (no base_"]),
    ],
)
def test_check_prints_what_is_wrong_with_what_a_game_declares(
    module: str,
    declared: str,
    wrong: int,
    sentences: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
) -> None:
    (tmp_path / f"{module}_to_check.py").write_text(
        "from tests.support.slow_game import GAME as sound\n"
        f"class Game(type(sound)):\n    import_name = '{module}_to_check:GAME'\n    {declared}\nGAME = Game()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    status, printed, _ = run("check", f"{module}_to_check:GAME", "--battles", 5)
    assert status == (1 if wrong else 0)
    assert [sentence for sentence in sentences if sentence not in printed] == []
    assert printed.endswith(f"{wrong} to mend\n" if wrong else "Nothing to mend.\n")


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_command_refuses_a_game_whose_bots_are_a_method_with_a_sentence(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    (tmp_path / "method_to_play.py").write_text(
        "from tests.support.slow_game import GAME as sound\n"
        "class Game(type(sound)):\n    def bots(self): return {}\nGAME = Game()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    status, _, said = run(command, "--game", "method_to_play:GAME", "--data", tmp_path / "data")
    assert status != 0
    assert "bots must be a mapping of names to functions (battle, random) -> action" in said


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("my-game", "no name of a Python module"), ("mine", "File exists"), ("random", "a module random already")],
)
def test_new_game_is_written_over_nothing_and_under_no_other_name(
    name: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("kept")
    status, _, error = run("new", name)
    assert (status, sentence in error) == (1, True)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]
