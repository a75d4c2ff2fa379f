"""Finding plugins in a folder and importing their packages, each from exactly its own folder.

A plugin is a folder with a `plugin.toml`. Whatever else in there looks like a plugin that was put down wrongly (packed,
one folder too deep, loose files) is named with what to do.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .hooks import bind
from .manifest import Manifest, ManifestError, read_manifest
from .text import described

log = logging.getLogger("host")

MANIFEST = "plugin.toml"
PACKED = (".zip", ".tar", ".gz", ".tgz", ".xz", ".7z", ".rar", ".whl")
MAX_DEPTH = 3
"""Folders below an entry of plugins/ that are searched for a manifest."""


def find_plugins(plugins_dir: Path) -> tuple[list[Path], dict[str, str]]:
    """The folders with a manifest, and what to do about other entries that look like plugins, by their names.

    OSError where the folder cannot be listed.
    """
    entries = sorted(path for path in plugins_dir.iterdir() if not path.name.startswith((".", "__")))
    folders = [path for path in entries if os.path.exists(path / MANIFEST)]
    misplaced = {path.name: hint for path in entries if path not in folders and (hint := _misplaced(path))}
    if MANIFEST in misplaced:
        files = {path.name for path in entries if path.is_file() and path.suffix not in PACKED}
        parts = files | {path.name for path in entries if (path / "__init__.py").is_file()}
        misplaced = {name: hint for name, hint in misplaced.items() if name == MANIFEST or name not in parts}
    return folders, misplaced


def _misplaced(path: Path) -> str:
    """What is wrong with an entry that is no plugin, and what to do; empty where it has nothing to do with plugins."""
    here = path.parent
    if path.suffix.lower() in PACKED:
        return f"it is packed: unpack it, so that the plugin's folder lies in {here}."
    if path.name == MANIFEST:
        return f"a plugin's files lie loose in {here}: put them into one of their own, and name the folder above it."
    if path.is_file():
        return f"it is a loose file: a plugin is a folder with a {MANIFEST}." if path.suffix == ".py" else ""
    for depth in range(1, MAX_DEPTH + 1):
        for nested in sorted(path.glob(f"{'*/' * depth}{MANIFEST}")):
            return f"the plugin lies deeper, in {nested.parent}: move that folder into {here}, in place of {path.name}."
    for renamed in sorted(path.glob("*")):
        if renamed.stem.lower().startswith("plugin") and ".toml" in renamed.name.lower():
            return f"{renamed} must be called {MANIFEST}: rename it."
    if (path / "__init__.py").exists():
        return f"it has no {MANIFEST}: copy the whole folder of the plugin."
    return ""


def load_plugin(folder: Path) -> tuple[Manifest, dict[str, Callable[..., Any]]]:
    """The manifest and the bound hooks of the plugin in `folder`; ManifestError, a sentence, where it is refused."""
    manifest = read_manifest(folder)
    module_name, class_name = manifest.entry.split(":")
    try:
        _import_package(manifest)
        return manifest, bind(getattr(importlib.import_module(module_name), class_name)())
    except ManifestError:
        raise
    except (Exception, SystemExit) as error:  # a plugin's code may raise anything, and the game must still start
        log.warning("loading %s", folder, exc_info=True)
        raise ManifestError(f"its code does not load ({described(error)}).") from error


def _import_package(manifest: Manifest) -> None:
    """Import the plugin's package from exactly its folder; two copies never mix in one process."""
    name, folder = manifest.package, manifest.folder
    start = (folder / "__init__.py").resolve()
    if not start.is_file():
        raise ManifestError(f"{start} is missing: copy the whole folder.")
    present = sys.modules.get(name)
    if present is not None and Path(getattr(present, "__file__", None) or "").resolve() == start:
        return
    _check_name_is_free(name, folder, present is not None)
    spec = importlib.util.spec_from_file_location(name, start, submodule_search_locations=[str(folder.resolve())])
    if spec is None or spec.loader is None:
        raise ManifestError(f"{start} is no Python package: copy the whole folder.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:  # whatever it was is raised on; a half-imported package must not stay behind
        del sys.modules[name]
        raise


def _check_name_is_free(name: str, folder: Path, loaded: bool) -> None:
    """Refuse a package whose name the game may import something else by, now or later."""
    if name in sys.stdlib_module_names or name in sys.builtin_module_names:
        raise ManifestError(
            f"its package is called {name!r} like a module of Python itself, which the game could not import any more: "
            "the plugin's author must rename the folder, and in its manifest the entry."
        )
    where = (getattr(sys.modules[name], "__file__", None) or "another place") if loaded else _importable_from(name)
    same_plugin = where is not None and _same_plugin(Path(where).parent, folder)
    if loaded and same_plugin:
        raise ManifestError(f"another copy of {name} is already loaded from {where}: use only one of the two.")
    if where is not None and not same_plugin:
        raise ManifestError(
            f"its package is called {name!r} like the one in {where}, which the game could not import any more: "
            "the plugin's author must rename the folder, and in its manifest the entry."
        )


def _importable_from(name: str) -> str | None:
    """The file that `import name` would run; None where there is none, or a folder without `__init__.py`."""
    try:
        spec = importlib.util.find_spec(name)
    except Exception:  # noqa: BLE001 - import hooks of the game or of a packager may raise anything
        return None
    return spec.origin if spec is not None and spec.has_location else None


def _same_plugin(elsewhere: Path, folder: Path) -> bool:
    """Whether a package that can be imported is a copy of the plugin: an installed one, or one in a frozen game."""
    if elsewhere.resolve() == folder.resolve() or (elsewhere / MANIFEST).is_file():
        return True
    if not getattr(sys, "frozen", False):
        return False
    bundled, own = ({module.name for module in pkgutil.iter_modules([str(path)])} for path in (elsewhere, folder))
    return bool(bundled) and bundled <= own  # a packager takes the code along, and no manifest


def shadowed_copies(package: str, file: str) -> list[Path]:
    """Folders in which Python looks for `package` before the one that it was loaded from, and finds this same `file`.

    A folder without `__init__.py` loses to an installed package of its name, however early it is looked at.
    """
    own, found = Path(file).resolve(), []
    for entry in sys.path:
        path = Path(entry or ".", *package.split("."), own.name)
        try:
            if not path.is_file():
                continue
            if path.resolve() == own:
                break
        except OSError:
            continue  # a place on the path that cannot be read has no copy
        found.append(path.parent.resolve())
    return found
