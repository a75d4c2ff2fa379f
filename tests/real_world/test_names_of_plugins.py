"""Kinds 19, 20 and 21: two plugins of one name, names that Python or the game needs, marks and accents in names."""

from __future__ import annotations

import codecs
import shutil
import sys
import unicodedata
from pathlib import Path

import pytest

from tests.support.dropped_plugins import drop, host_of

# ------------------------------------------------------------------------------------------- 19: one name, two plugins


@pytest.mark.parametrize("name", ['"twin"', '"TWIN"', '"Twin"', '"\\uff54win"'], ids=["same", "upper", "title", "wide"])
def test_second_plugin_of_one_name_is_refused_with_both_folders(plugins: Path, name: str) -> None:
    first, second = drop(plugins, "first_copy", name='"twin"'), drop(plugins, "second_copy", name=name)
    host = host_of(plugins)
    assert [plugin.folder for plugin in host.loaded] == [first]
    (refused,) = host.refused
    assert refused.name == "second_copy"
    assert str(first) in refused.reason
    assert str(second) in refused.reason
    assert [folder.name for folder in (plugins.parent / "data").iterdir()] == ["twin"]


def test_refused_plugin_leaves_its_name_to_the_next(plugins: Path) -> None:
    drop(plugins, "first_copy", name='"twin"', api="7")
    drop(plugins, "second_copy", name='"twin"')
    assert [plugin.folder.name for plugin in host_of(plugins).loaded] == ["second_copy"]


# ----------------------------------------------------------------------------------------- 20: a name that is in use


@pytest.mark.parametrize("package", ["statistics", "wave", "sys", "_thread"])
def test_plugin_called_like_a_module_of_python_is_refused(plugins: Path, package: str) -> None:
    loaded = set(sys.modules)
    drop(plugins, package)
    host = host_of(plugins)
    assert host.loaded == []
    assert "like a module of Python itself" in host.refused[0].reason
    assert {name for name in set(sys.modules) - loaded if name.split(".")[0] == package} == set()


@pytest.mark.parametrize("package", ["hypothesis", "hatchling_less_known", "pip"])
def test_plugin_called_like_an_installed_package_is_refused(plugins: Path, package: str) -> None:
    """Whether it is loaded already or will be; a name that nothing has is free."""
    drop(plugins, package)
    host = host_of(plugins)
    if package == "hatchling_less_known":
        assert [plugin.name for plugin in host.loaded] == [package]
    else:
        assert f"called {package!r} like the one in " in host.refused[0].reason


def test_plugin_called_like_the_games_own_module_is_refused(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (plugins.parent / "inventory.py").write_text("ITEMS = 3", "utf-8")
    monkeypatch.syspath_prepend(plugins.parent)
    drop(plugins, "inventory")
    assert "which the game could not import any more" in host_of(plugins).refused[0].reason
    import inventory  # type: ignore[import-not-found]  # the game's, written above

    assert inventory.ITEMS == 3


def test_plugin_beside_its_own_installed_copy_is_loaded(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = drop(plugins, "installed_too", "def report(self): return {'file': __file__}")
    shutil.copytree(folder, plugins.parent / "site" / "installed_too")
    monkeypatch.syspath_prepend(plugins.parent / "site")
    host = host_of(plugins)
    assert host.report("installed_too") == {"file": str(folder / "main.py")}
    assert host.messages == []


def test_report_and_evaluate_of_a_misspelt_plugin_are_said_once(tmp_path: Path, plugins: Path) -> None:
    drop(plugins, "fake_a", "def report(self): return {}")
    drop(plugins, "fake_b", "def on_laod(self): pass")
    host = host_of(plugins)
    refused = len(host.messages)
    for _ in range(2):
        assert host.report("fake") is host.evaluate("fake", None, "bot", 2, 1) is host.report("fake_b") is None
        assert host.report("fake_a") == {}
    assert host.messages[refused:] == ["No plugin is called 'fake', so report and evaluate give None; loaded: fake_a."]
    assert host.report([]) is None  # type: ignore[arg-type]  # what no set can hold raises nothing in the game's loop
    missing = host_of(tmp_path / "nowhere")
    assert missing.report("fake") is None
    assert len(missing.messages) == 1, "a player may well take the plugin away"


# ----------------------------------------------------------------------------------------------- 21: marks and accents


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_manifest_with_a_byte_order_mark_is_read(plugins: Path, encoding: str) -> None:
    path = drop(plugins, "marked") / "plugin.toml"
    path.write_text(path.read_text("utf-8").replace("\n", "\r\n"), encoding)
    assert [plugin.name for plugin in host_of(plugins).loaded] == ["marked"]


def test_manifest_in_utf16_is_refused_with_what_to_do(plugins: Path) -> None:
    path = drop(plugins, "marked") / "plugin.toml"
    path.write_bytes(codecs.BOM_UTF16_LE + path.read_text("utf-8").encode("utf-16-le"))
    assert host_of(plugins).messages == [
        f"marked was not loaded: {path} is saved as UTF-16: save it as UTF-8, or copy the plugin again."
    ]


@pytest.mark.parametrize("folder", ["NFC", "NFD"])
@pytest.mark.parametrize("manifest", ["NFC", "NFD"])
def test_accents_may_be_stored_in_either_way(plugins: Path, folder: str, manifest: str) -> None:
    name = "k\u00e4mpfer"
    dropped = drop(plugins, unicodedata.normalize(folder, name), "def report(self): return {'name': __name__}")  # type: ignore[arg-type]
    written = unicodedata.normalize(manifest, name)  # type: ignore[arg-type]
    toml = (dropped / "plugin.toml").read_text("utf-8")
    (dropped / "plugin.toml").write_text(toml.replace(dropped.name, written), "utf-8")
    (dropped / "helper.py").write_text("VALUE = 1", "utf-8")
    main = (dropped / "main.py").read_text("utf-8")
    (dropped / "main.py").write_text(f"from {written}.helper import VALUE\n{main}", "utf-8")
    host = host_of(plugins)
    assert host.messages == []
    assert host.report(name) == {"name": f"{name}.main"}
    assert (plugins.parent / "data" / name).is_dir()
