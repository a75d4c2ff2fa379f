"""Whether a package can be imported and of which version it is, found out without importing it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys


def importable(package: str) -> bool:
    """Whether `import package` would find something.

    A loaded package counts whatever its `__spec__` is: stubs and frozen games leave None there, and `find_spec` raises.
    """
    if package in sys.modules:
        return sys.modules[package] is not None  # None: its import is forbidden
    try:
        return importlib.util.find_spec(package) is not None
    except Exception:  # noqa: BLE001 - import hooks of the game or of a packager may raise anything
        return False


def version_of(package: str) -> str:
    """The installed version, as text; a frozen game may hold a package without what its installer wrote."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of an unknown version"
