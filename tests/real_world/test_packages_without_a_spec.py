"""Kind 3: a package whose `__spec__` is None, as stubs and frozen games leave it, made every look-up raise."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from game_adapter.host.packages import importable
from tests.support.dropped_plugins import drop, host_of


def test_loaded_package_without_a_spec_counts_as_there(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["numpy"], "__spec__", None)
    drop(plugins, "needs_numpy", needs='["numpy", "json"]')
    host = host_of(plugins)
    assert [plugin.name for plugin in host.loaded] == ["needs_numpy"]
    assert host.messages == []


def test_stub_module_without_a_spec_counts_as_there(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = ModuleType("stubbed_package")
    del stub.__spec__
    monkeypatch.setitem(sys.modules, "stubbed_package", stub)
    assert importable("stubbed_package")


def test_package_whose_import_is_forbidden_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert not importable("numpy")


def test_import_hook_that_raises_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
            if name == "behind_a_broken_hook":
                raise OSError("the archive is gone")
            return None

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert not importable("behind_a_broken_hook")
    assert importable("wave")
    assert not importable("no_such_package_anywhere")
