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


def run(*command: object, folder: Path) -> str:
    """Run a command that finds no package of this checkout; returns what it printed."""
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
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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
    home = tmp_path / "env"
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if sys.platform == "win32" else "bin")
    run(scripts / "python", "-m", "pip", "install", "--quiet", package, folder=tmp_path)
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
    home = tmp_path / "env"
    venv.create(home, with_pip=True)
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    wanted = (f"{ROOT}[openspiel,barebones]", "rlcard", "pytest", "hypothesis")
    run(python, "-m", "pip", "install", "--quiet", "--editable", *wanted, folder=tmp_path)
    tests = (*adapters, "tests/test_environments.py")
    said = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *tests, folder=ROOT)
    skipped = [line for line in said.splitlines() if line.startswith("SKIPPED")]
    assert [line for line in skipped if not line.endswith("extra study")] == [], said
