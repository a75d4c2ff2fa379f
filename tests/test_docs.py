"""The documents stay true: every setting, hook and command is named in them, and what they show runs."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cornerman.cli.commands import COMMANDS
from cornerman.learning.compiled import FOLDER
from cornerman.models.exchange import IMPORTS
from cornerman.settings import Settings, describe, with_values
from game_adapter.host.hooks import HOOKS
from tests.support.choosing import Choosing
from tests.support.ringside_runs import link_in
from tests.support.table import Table, promote

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "plugin/cornerman/README.md")
}
README, SETTINGS = PAGES["README.md"], PAGES["docs/settings.md"]
INTEGRATE, TRAINING = PAGES["docs/integrate.md"], PAGES["docs/training.md"]
SHELL = "\n".join(PAGES.values())
EXAMPLES = {path.read_text("utf-8") for path in ROOT.glob("examples/*.py")}  # tests/test_examples.py
CODE = [
    (page, code)
    for page, text in PAGES.items()
    for code in re.findall(r"```python\n(.+?)```", text, re.DOTALL)
    if code not in EXAMPLES
]


def shown(value: object) -> str:
    """A default as it is written in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return str(list(value)) if isinstance(value, tuple) else str(value)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| (.+) \|$", SETTINGS, re.MULTILINE)
    assert rows == [(name, shown(default), sentence) for name, default, sentence in describe()]


def test_every_file_of_the_data_folder_is_documented(tmp_path: Path) -> None:
    for _ in range(2):
        with Table(Choosing(), tmp_path) as table:
            table.play(2, settle=True)
            promote(table.plugin, 2)
            table.plugin.controls.set_difficulty(4)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"in-use.json", "switches.json", "resume.previous.safetensors"} <= names
    names |= {FOLDER, IMPORTS, "bulk"}
    documented = SETTINGS.partition("## What it writes")[2]
    assert [name for name in sorted(names) if f"`{name}" not in documented] == []


def test_documented_settings_are_accepted() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", SETTINGS, re.MULTILINE)
    table = tomllib.loads("\n".join(f"{name} = {value}" for name, value in rows))
    assert with_values(Settings(), table, "docs/settings.md") == Settings()
    examples = re.findall(r"```toml\n(.+?)```", SHELL, re.DOTALL)
    assert examples
    for example in examples:
        with_values(Settings(), tomllib.loads(example), "an example")


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_arguments(hook: str) -> None:
    assert f"`{hook}({', '.join(HOOKS[hook])})`" in INTEGRATE


def test_every_key_of_the_report_is_documented(tmp_path: Path) -> None:
    section = INTEGRATE.partition("## What `report()` says")[2]
    rows = re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)*)\s*\|", section, re.MULTILINE)
    with Table(Choosing(), tmp_path) as table:
        table.plugin.metrics.event("Something happened.")
        report: Mapping[str, Any] = table.plugin.report()
    tables = {name: value[0] if name == "events" else value for name, value in report.items()}
    keys = {name: set(value) if isinstance(value, Mapping) else set() for name, value in tables.items()}
    assert {name: set(re.findall(r"\w+", inner)) for name, inner in rows} == keys


def commands() -> dict[str, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    for add in COMMANDS.values():
        add(subparsers)
    return dict(subparsers.choices)


@pytest.mark.parametrize("name", commands())
def test_every_command_is_documented(name: str) -> None:
    assert re.search(rf"^    cornerman {name}\b", README, re.MULTILINE)


def test_documented_commands_parse() -> None:
    lines = re.findall(r"^    cornerman (\w+.*?)(?:  .*)?$", SHELL, re.MULTILINE)
    assert len(lines) > 20
    for line in lines:
        name, *arguments = line.split()
        commands()[name].parse_args(arguments)


def test_documented_options_of_ringside_exist() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "game_adapter", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
    ).stdout
    lines = re.findall(r"^    (?:\S*)python -m game_adapter (--.*)$", SHELL, re.MULTILINE)
    options = {option for line in lines for option in re.findall(r"--\w+", line)}
    assert len(options) > 5
    assert all(option in help_text for option in options)


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_exist(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        assert (ROOT / page).parent.joinpath(target).exists(), target


def test_paths_in_the_map_exist() -> None:
    table = PAGES["docs/architecture.md"].partition("## Where to find what")[2].partition("\n## ")[0]
    paths = re.findall(r"`((?:\w+/)+(?:\w+\.py)?|\w+\.py)`", table)
    assert len(paths) > 10
    roots = (ROOT, ROOT / "plugin/cornerman", ROOT / "game_adapter/ringside")
    for path in paths:
        assert any((root / path).exists() for root in roots), path


@pytest.mark.parametrize(("page", "code"), CODE, ids=[page for page, _ in CODE])
def test_code_shown_runs(tmp_path: Path, page: str, code: str) -> None:
    link_in(tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugin"), str(ROOT)])}
    environment |= {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
    done = subprocess.run(
        [sys.executable, "-c", code, "120"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    if "host.quit()" in code:
        assert (tmp_path / "data/cornerman/champion.json").is_file()


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_every_line_of_the_real_world_table_has_its_test() -> None:
    rows = re.findall(r"^\| (\d+) .*\| (.+?) \|$", PAGES["docs/real_world.md"], re.MULTILINE)
    numbers = [int(number) for number, _ in rows]
    assert numbers == sorted(set(numbers))
    for _, tests in rows:
        assert tests.startswith("`")
        for path in re.findall(r"`([^`]+)`", tests):
            assert (ROOT / path).is_file(), path


def test_set_up_commands_stand_nowhere_else() -> None:
    """`make play` and `make test` are the only set-up; the plain lines beside them install the same extras."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    extras = re.findall(r'"\.(\[[\w,]+\])"', makefile)[0]
    installs = re.findall(r"pip install .*", README)
    assert len(installs) == 2
    assert all(extras in line for line in installs)


def test_nothing_is_left_to_be_filled_in() -> None:
    assert not re.findall(r"^[A-Z]{4,}$", SHELL, re.MULTILINE)
