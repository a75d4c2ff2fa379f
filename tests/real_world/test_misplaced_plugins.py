"""Kind 22: plugins that were put into plugins/ wrongly are named with what to do, instead of silence."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.dropped_plugins import drop, host_of


def nested(plugins: Path) -> str:
    drop(plugins / "sparrow", "sparrow")
    return f"deeper, in {plugins / 'sparrow' / 'sparrow'}: move that folder into {plugins}, in place of sparrow"


def downloaded(plugins: Path) -> str:
    """As an archive of a whole repository unpacks."""
    drop(plugins / "sparrow-main" / "plugin", "sparrow")
    return f"deeper, in {plugins / 'sparrow-main/plugin/sparrow'}"


def loose(plugins: Path) -> str:
    folder = drop(plugins, "sparrow")
    for path in list(folder.iterdir()):
        shutil.move(path, plugins)
    folder.rmdir()
    (plugins / "parts").mkdir()
    (plugins / "parts" / "__init__.py").touch()
    return f"a plugin's files lie loose in {plugins}: put them into one of their own"


def loose_module(plugins: Path) -> str:
    (plugins / "sparrow.py").write_text("class Plugin: ...", "utf-8")
    return "it is a loose file: a plugin is a folder with a plugin.toml"


def zipped(plugins: Path) -> str:
    folder = drop(plugins.parent, "sparrow")
    with zipfile.ZipFile(plugins / "sparrow.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"sparrow/{path.name}")
    return f"it is packed: unpack it, so that the plugin's folder lies in {plugins}"


def other_archive(plugins: Path) -> str:
    (plugins / "sparrow-1.2.tar.gz").write_bytes(b"")
    return "it is packed: unpack it"


def renamed_by_the_system(plugins: Path) -> str:
    folder = drop(plugins, "sparrow")
    (folder / "plugin.toml").rename(folder / "plugin.toml.txt")
    return f"{folder / 'plugin.toml.txt'} must be called plugin.toml: rename it"


def without_manifest(plugins: Path) -> str:
    (drop(plugins, "sparrow") / "plugin.toml").unlink()
    return "it has no plugin.toml: copy the whole folder of the plugin"


CASES: list[Callable[[Path], str]] = [
    *(nested, downloaded, loose, loose_module, zipped, other_archive, renamed_by_the_system, without_manifest)
]


@pytest.mark.parametrize("put_down", CASES)
def test_misplaced_plugin_is_named_with_what_to_do_and_another_one_loads(
    plugins: Path, put_down: Callable[[Path], str]
) -> None:
    expected = put_down(plugins)
    drop(plugins, "wren")
    host = host_of(plugins)
    (refused,) = host.refused
    assert expected in refused.reason
    assert host.messages == [f"{refused.name} was not loaded: {refused.reason}"]
    assert [plugin.name for plugin in host.loaded] == ["wren"] or put_down is loose


def test_what_is_no_plugin_is_not_mentioned(plugins: Path) -> None:
    (plugins / "readme.txt").write_text("Put plugins here.", "utf-8")
    (plugins / "saves").mkdir()
    (plugins / "saves" / "1.sav").write_bytes(b"")
    for hidden in (".git", "__pycache__", "__MACOSX"):
        drop(plugins / hidden, "sparrow")
    drop(plugins, "wren")
    host = host_of(plugins)
    assert host.messages == []
    assert host.refused == []


def test_plugins_folder_that_cannot_be_read_is_said(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", denied)
    assert host_of(plugins).messages == [f"The plugins folder {plugins} cannot be read (Permission denied)."]
