"""Wheel and sdist, built and installed into environments of their own: what an author gets from them works."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.minimal_game import EXAMPLE, PLAY
from tests.support.paths import ROOT

pytestmark = pytest.mark.long

CHECK = """
import importlib.metadata, importlib.resources, sys
import cornerman, game_adapter
for package in (cornerman, game_adapter):
    assert importlib.resources.files(package).joinpath("py.typed").is_file(), f"{package.__name__} is untyped"
    assert sys.prefix in package.__file__, package.__file__
(game,) = importlib.metadata.entry_points(group="cornerman.games")
assert game.load().new_battle(1).seat in (0, 1)
assert "torch" not in sys.modules
"""


WINDOW = """
import sys
import pygame
from random import Random
from game_adapter.host import Host
from game_adapter.ringside.game import RINGSIDE
from game_adapter.ringside.screens.window import Window

assert getattr(pygame, "IS_CE", False) == (sys.argv[1] == "pygame-ce"), pygame.__file__
host = Host("plugins", "data", RINGSIDE, {"seed": 1})
host.load()
window = Window(host, RINGSIDE, Random(1), watch="brawler")
pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_F1, unicode="", mod=0))
for _ in range(120):
    window.frame(0.05)
    window.handle(pygame.event.Event(pygame.MOUSEMOTION, pos=(500, 300), rel=(0, 0), buttons=(0, 0, 0)))
for key in (pygame.K_DOWN, pygame.K_RIGHT, pygame.K_ESCAPE):
    assert window.menu.open
    written = host.loaded[0].hooks["on_draw"].__self__.panel.written
    assert len(written) > 10, written
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, unicode="", mod=0))
    window.frame(0.05)
host.settle(60.0)  # where nothing was compiled yet the trainer may still be loading
recorded = host.report("cornerman")["recorder"]
assert recorded["recorded"] > 0 and not recorded["rejected"], recorded
assert window.hall.sounds.messages == [], window.hall.sounds.messages
window.close()
print(*host.messages)
"""
NO_INDEX = "(from versions: none)"
"""What pip says of a package that is surely there, where it reaches no index."""


def run(*command: object, folder: Path) -> str:
    """Run a command that finds no package of this checkout, nor a screen; returns what it printed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    if NO_INDEX in done.stderr:
        pytest.skip(f"no package index can be reached: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment_with(home: Path, *packages: object) -> Path:
    """Install packages into an environment of their own; returns the folder of its programs."""
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if sys.platform == "win32" else "bin")
    run(scripts / "python", "-m", "pip", "install", "--quiet", *packages, folder=home)
    return scripts


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with sdist and wheel; `build` makes the wheel from the sdist, so that must be complete."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, folder=ROOT)
    return folder


def test_wheel_holds_two_packages_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"cornerman", "game_adapter"}
    shipped = {"cornerman/py.typed", "cornerman/plugin.toml", "game_adapter/py.typed", "game_adapter/host/__init__.py"}
    shipped |= {"cornerman/cli/report/style.css"}
    assert shipped | {"game_adapter/assets/roster.toml", "game_adapter/assets/models/ringside.zip"} <= set(names)
    modules = {
        str(path.relative_to(root)).replace("\\", "/")
        for root, package in ((ROOT / "plugin", "cornerman"), (ROOT, "game_adapter"))
        for path in (root / package).rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py") and "/assets/" not in name} == modules


def test_sdist_holds_sources_tests_and_documents(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {"plugin/cornerman/plugin.py", "tests/conftest.py", "README.md", "LICENSE", "Makefile"} <= names
    assert not [name for name in names if name.startswith((".venv", "plugins/", "out/")) or "__pycache__" in name]


@pytest.mark.parametrize("pattern", ["*.whl", "*.tar.gz"])
def test_installed_package_imports_plays_and_installs_the_plugin(built: Path, tmp_path: Path, pattern: str) -> None:
    (package,) = built.glob(pattern)
    scripts = environment_with(tmp_path / "env", package)
    run(scripts / "python", "-W", "error", "-c", CHECK, folder=tmp_path)
    assert "install" in run(scripts / "cornerman", "--help", folder=tmp_path)
    run(scripts / "cornerman", "install", "plugins", folder=tmp_path)
    played = run(
        *(scripts / "python", "-m", "game_adapter", "--headless", "--battles", "2", "--data", "data"), folder=tmp_path
    )
    assert "No plugin" not in played
    assert (tmp_path / "data/series/cornerman/champion.json").is_file()


def test_adapters_fit_the_packages_they_are_for(tmp_path: Path) -> None:
    """PettingZoo, OpenSpiel, barebones-rpg and RLCard as they are published today, in an environment of their own."""
    adapters = [f"tests/game_adapter/test_{name}_game.py" for name in ("pettingzoo", "openspiel", "barebones")]
    wanted = ("--editable", f"{ROOT}[openspiel,barebones]", "rlcard", "pytest", "hypothesis")
    python = environment_with(tmp_path / "env", *wanted) / "python"
    tests = (*adapters, "tests/test_environments.py")
    said = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *tests, folder=ROOT)
    skipped = [line for line in said.splitlines() if line.startswith("SKIPPED")]
    assert [line for line in skipped if not line.endswith("extra study")] == [], said


@pytest.mark.parametrize("library", ["pygame", "pygame-ce"])
def test_window_panel_and_example_draw_with_either_pygame(tmp_path: Path, library: str) -> None:
    """Both have one import name, so each needs an environment of its own."""
    scripts = environment_with(tmp_path / "env", ROOT, library)
    run(scripts / "cornerman", "install", "plugins", folder=tmp_path)
    said = run(scripts / "python", "-W", "error", "-c", WINDOW, library, folder=tmp_path)
    said += run(scripts / "python", "-W", "error", "-c", PLAY, EXAMPLE, "cornerman", folder=tmp_path)
    assert " failed in " not in said, said
