"""Kind 3: a package whose `__spec__` is None, as stubs and frozen games leave it, made every look-up raise."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from cornerman.files import packages as of_the_plugin
from game_adapter.host import packages as of_the_host
from tests.support.dropped_plugins import drop, host_of, run_python


def test_loaded_package_without_a_spec_counts_as_there(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["numpy"], "__spec__", None)
    drop(plugins, "needs_numpy", needs='["numpy", "json"]')
    host = host_of(plugins)
    assert [plugin.name for plugin in host.loaded] == ["needs_numpy"]
    assert host.messages == []


@pytest.fixture(params=[of_the_host, of_the_plugin], ids=["host", "plugin"])
def importable(request: pytest.FixtureRequest) -> Callable[[str], bool]:
    """Host and plugin look for packages alike; neither may import the other."""
    found: Callable[[str], bool] = request.param.importable
    return found


def test_stub_module_without_a_spec_counts_as_there(
    importable: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = ModuleType("stubbed_package")
    del stub.__spec__
    monkeypatch.setitem(sys.modules, "stubbed_package", stub)
    assert importable("stubbed_package")


def test_package_whose_import_is_forbidden_counts_as_missing(
    importable: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert not importable("numpy")


def test_import_hook_that_raises_counts_as_missing(
    importable: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
            if name == "behind_a_broken_hook":
                raise OSError("the archive is gone")
            return None

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert not importable("behind_a_broken_hook")
    assert importable("wave")
    assert not importable("no_such_package_anywhere")


def test_cornerman_loads_and_learns_where_packages_have_no_spec(tmp_path: Path) -> None:
    code = """
import sys, numpy, psutil, safetensors.numpy
for name in ("numpy", "psutil", "safetensors"):
    sys.modules[name].__spec__ = None
from cornerman.cli.doctor import examine
from cornerman.plugin import Cornerman
from game_adapter.ringside.game import RINGSIDE
plugin = Cornerman()
plugin.on_load(RINGSIDE, "data", {"device": "cpu"}, None)
print(plugin.report()["plugin"])
plugin.on_quit()
print([line for line in examine("cpu", __import__("pathlib").Path("data"))[0] if "missing" in line])
"""
    said = run_python(tmp_path, code)
    assert "'learning': True" in said
    assert said.endswith("[]\n")
