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
    assert printed.endswith("Nothing to mend.\n")


def test_game_with_a_fault_that_no_other_process_can_import_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    (tmp_path / "mine_to_check.py").write_text(
        "from tests.support.slow_game import GAME as sound\n"
        "class Game:\n"
        "    name, version, action_names, bots = 'mine', '1', sound.action_names[1:], sound.bots\n"
        "    import_name = 'no_such_module:GAME'\n"
        "    def new_battle(self, seed):\n"
        "        return sound.new_battle(seed)\n"
        "GAME = Game()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    status, printed, _ = run("check", "mine_to_check:GAME", "--battles", 5)
    assert status == 1
    assert "WRONG  action_mask() gives" in printed
    assert "WRONG  another process cannot import no_such_module:GAME" in printed
    assert "       -> " in printed
    assert printed.endswith("2 to mend\n")


def test_new_game_passes_its_check_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert run("new", "stones_to_check").status == 0
    status, printed, _ = run("check", "stones_to_check:GAME")
    assert (status, printed.endswith("Nothing to mend.\n")) == (0, True)
    assert "NAME" not in (tmp_path / "stones_to_check.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("declared", "status", "sentence"),
    [
        (
            "own_fighter = 'slime'",
            1,
            "WRONG  The game 'slow-game' cannot be learned: its own_fighter is 'slime'; name which",
        ),
        ("base_model = 'none.zip'", 1, "WRONG  base_model cannot be used, so hunter would play: "),
        ("own_fighter = 'random'", 0, "ok     random plays until a version has proved better (no base_model)"),
    ],
)
def test_own_fighter_and_base_model_are_checked(
    declared: str,
    status: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
) -> None:
    module = f"mine_{declared.split()[0]}_{status}"
    text = (
        "from tests.support.slow_game import GAME as sound\n"
        f"class Game(type(sound)):\n    import_name = '{module}:GAME'\n    {declared}\nGAME = Game()\n"
    )
    (tmp_path / f"{module}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    ended = run("check", f"{module}:GAME", "--battles", 5)
    assert (ended.status, sentence in ended.out) == (status, True)


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
