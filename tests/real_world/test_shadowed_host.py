"""Kind 24: an installed Cornerman's host won over the game's own copy without a word."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.dropped_plugins import run_python
from tests.support.paths import ROOT

INSTALLED = "game_adapter/host"
LOAD = "\nhost = Host('plugins', 'data', None)\nhost.load()\nprint(Host.__module__, host.messages)"


def copy_host(target: Path, *, with_init: bool) -> None:
    shutil.copytree(ROOT / INSTALLED, target, ignore=shutil.ignore_patterns("__pycache__"))
    if not with_init:
        (target / "__init__.py").unlink()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder on Python's path with an installed host."""
    copy_host(tmp_path / "site" / INSTALLED, with_init=True)
    (tmp_path / "site" / "game_adapter" / "__init__.py").touch()
    return tmp_path / "site"


@pytest.mark.parametrize("with_init", [False, True])
def test_host_that_an_installed_one_shadows_is_named(tmp_path: Path, installed: Path, with_init: bool) -> None:
    """game_adapter/ has no __init__.py in the game: the installed package of that name wins."""
    game = tmp_path / "game"
    copy_host(game / INSTALLED, with_init=with_init)
    said = run_python(game, "from game_adapter.host import Host" + LOAD, paths=(game, installed))
    assert f"The host in {game / INSTALLED} is not used" in said
    assert f"loads the one in {installed / INSTALLED} by the same name" in said


def test_host_in_packages_of_the_game_wins_silently(tmp_path: Path, installed: Path) -> None:
    game = tmp_path / "game"
    copy_host(game / INSTALLED, with_init=True)
    (game / "game_adapter" / "__init__.py").touch()
    said = run_python(game, "from game_adapter.host import Host" + LOAD, paths=(game, installed))
    assert "is not used" not in said


@pytest.mark.parametrize("where", ["plugin_host", "fighters/plugin_host"])
@pytest.mark.parametrize("with_init", [False, True])
def test_host_copied_under_another_name_is_the_games_own(
    tmp_path: Path, installed: Path, where: str, with_init: bool
) -> None:
    game, package = tmp_path / "game", where.replace("/", ".")
    copy_host(game / where, with_init=with_init)
    code = f"from {package} import Host" if with_init else f"from {package}.host import Host"
    said = run_python(game, code + LOAD, paths=(game, installed))
    assert said.startswith(f"{package}.host ")
    assert "is not used" not in said
