"""The documents stay true: every setting, hook and command is named in them, and what they show runs."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cornerman.cli.commands import COMMANDS
from cornerman.settings import Settings, describe, with_values
from game_adapter.host.hooks import HOOKS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PLUGIN_README = (ROOT / "plugin/cornerman/README.md").read_text("utf-8")


def shown(value: object) -> str:
    """A default as it is written in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return str(list(value)) if isinstance(value, tuple) else str(value)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| (.+) \|$", PLUGIN_README, re.MULTILINE)
    assert rows == [(name, shown(default), sentence) for name, default, sentence in describe()]


def test_documented_defaults_are_accepted() -> None:
    import tomllib

    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", PLUGIN_README, re.MULTILINE)
    table = tomllib.loads("\n".join(f"{name} = {value}" for name, value in rows))
    assert with_values(Settings(), table, "README") == Settings()


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_arguments(hook: str) -> None:
    assert f"`{hook}({', '.join(HOOKS[hook])})`" in README


def commands() -> dict[str, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    for command in COMMANDS:
        command.add(subparsers)
    return dict(subparsers.choices)


@pytest.mark.parametrize("name", commands())
def test_every_command_is_documented(name: str) -> None:
    assert re.search(rf"^    cornerman {name}\b", README, re.MULTILINE)


def test_documented_commands_parse() -> None:
    for line in re.findall(r"^    cornerman (\w+.*?)(?:  .*)?$", README, re.MULTILINE):
        name, *arguments = line.split()
        commands()[name].parse_args(arguments)


def test_every_option_shown_exists() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "game_adapter", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
    ).stdout
    line = next(line for line in README.splitlines() if line.startswith("    python -m game_adapter --help"))
    options = re.findall(r"--\w+", line)
    assert len(options) > 5
    assert all(option in help_text for option in options)


def test_links_and_pictures_are_there() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_example_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    subprocess.run([sys.executable, "-m", "cornerman", "install", str(tmp_path / "plugins")], check=True, timeout=60)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugin"), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/cornerman/champion.json").is_file()


def test_set_up_commands_stand_nowhere_else() -> None:
    """`make play` and `make test` are the only set-up; the plain lines beside them install the same extras."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    extras = re.findall(r'"\.(\[[\w,]+\])"', makefile)[0]
    installs = re.findall(r"pip install .*", README)
    assert len(installs) == 2
    assert all(extras in line for line in installs)


def test_nothing_is_left_to_be_filled_in() -> None:
    assert not re.findall(r"^[A-Z]{4,}$", README + PLUGIN_README, re.MULTILINE)
