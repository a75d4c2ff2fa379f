"""A plugin's manifest, `plugin.toml`: what a host knows of a plugin before it runs a line of it."""

from __future__ import annotations

import codecs
import re
import sys
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from .packages import importable
from .text import printable

API_VERSION = 1
"""The border that this host speaks; a plugin of another one is refused with both numbers named."""

HOST_VERSION = (1, 0)
"""What this host offers beyond the hooks; a plugin may ask for a range of it."""

_CONDITION = r"(>=|<)\d{1,4}(\.\d{1,4})?"
_MAX_BYTES = 64_000
_TEXTS = ("name", "version", "entry", "summary")
_LISTS = ("needs", "wants")
_RANGES = ("host", "python")
_KEYS = {*_TEXTS, *_LISTS, *_RANGES, "api"}


class ManifestError(Exception):
    """The folder is no plugin that this host can load; the text is a sentence for a player."""


@dataclass(frozen=True, slots=True)
class Manifest:
    folder: Path
    name: str
    version: str
    api: int
    entry: str  # "package.module:Class"; the package is the folder's own name, as Python writes identifiers (NFKC)
    summary: str
    needs: tuple[str, ...]  # without one of these packages the plugin is refused
    wants: tuple[str, ...]  # without one of these it may do less

    @property
    def package(self) -> str:
        return self.entry.split(":")[0].split(".")[0]


def normalised(name: str) -> str:
    """A name as Python writes identifiers: file systems and editors store one accented letter in two ways."""
    return unicodedata.normalize("NFKC", name)


def read_manifest(folder: Path) -> Manifest:
    """Read and check `folder/plugin.toml`; ManifestError names what is wrong and what to do."""
    path = folder / "plugin.toml"
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ManifestError(f"{path} is larger than a manifest can be ({_MAX_BYTES} bytes): copy the plugin again.")
        content = path.read_bytes()
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise ManifestError(f"{path} is saved as UTF-16: save it as UTF-8, or copy the plugin again.")
        table = tomllib.loads(content.decode("utf-8-sig")).get("plugin")  # some editors begin a file with a mark
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ManifestError(f"{path} cannot be read ({error}): copy the plugin again.") from error
    if not isinstance(table, dict):
        raise ManifestError(f"{path} has no [plugin] table: copy the plugin again.")
    if unknown := sorted(set(table) - _KEYS):
        raise ManifestError(f"{path} has unknown keys ({', '.join(unknown)}); known are {', '.join(sorted(_KEYS))}.")
    manifest = Manifest(
        folder=folder,
        name=normalised(_text(path, table, "name")),
        version=_text(path, table, "version"),
        api=_api(path, table),
        entry=normalised(_text(path, table, "entry")),
        summary=_text(path, table, "summary"),
        needs=_words(path, table, "needs"),
        wants=_words(path, table, "wants"),
    )
    if not re.fullmatch(r"[\w-]+", manifest.name):
        raise ManifestError(f"{path}: name must be one word of letters, digits, - and _, it is {manifest.name!r}.")
    package = manifest.package
    if package.isidentifier() and package != normalised(folder.name):
        raise ManifestError(
            f"{path}: the folder is called {folder.name!r}, but entry names the package {package!r}: "
            f"the folder must be called {package!r}, rename it."
        )
    if not re.fullmatch(r"\w+(\.\w+)*:\w+", manifest.entry) or not package.isidentifier():
        raise ManifestError(f"{path}: entry is {manifest.entry!r}, but must be 'package.module:Class'.")
    _check_range(path, table, "host", HOST_VERSION, manifest)
    _check_range(path, table, "python", sys.version_info[:2], manifest)
    if missing := [needed for needed in manifest.needs if not importable(needed)]:
        raise ManifestError(
            f"{manifest.name} needs {', '.join(missing)}, which this Python does not have: "
            f"pip install {' '.join(missing)}"
        )
    return manifest


def _text(path: Path, table: dict[str, object], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise ManifestError(f"{path}: {key} must be a short text, it is {value!r}.")
    return printable(value)


def _words(path: Path, table: dict[str, object], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(word, str) and word.isidentifier() for word in value):
        raise ManifestError(f"{path}: {key} must be a list of package names, it is {value!r}.")
    return tuple(value)


def _api(path: Path, table: dict[str, object]) -> int:
    value = table.get("api")
    if type(value) is not int:
        raise ManifestError(f"{path}: api must be a whole number, it is {value!r}: copy the plugin again.")
    if value != API_VERSION:
        newer = "plugin" if value < API_VERSION else "game"
        raise ManifestError(
            f"{path}: this game speaks plugin API {API_VERSION}, the plugin speaks {value}: get a newer {newer}."
        )
    return API_VERSION


def _check_range(path: Path, table: dict[str, object], key: str, ours: tuple[int, ...], manifest: Manifest) -> None:
    """Refuse a plugin that asks for another host or Python, with both versions named; no range asks for nothing."""
    wanted = table.get(key, "")
    if wanted == "":
        return
    if not isinstance(wanted, str) or not re.fullmatch(rf"{_CONDITION}(,{_CONDITION})*", wanted):
        raise ManifestError(f"{path}: {key} must be a range such as '>=1.0,<2', it is {wanted!r}: copy it again.")
    what, newest = ("host", "game") if key == "host" else ("Python", "Python")
    for condition in wanted.split(","):
        bound = tuple(int(part) for part in condition.lstrip("><=").split("."))
        least = condition.startswith(">=")
        if (ours[: len(bound)] >= bound) != least:
            here = ".".join(str(part) for part in ours)
            raise ManifestError(
                f"{manifest.name} {manifest.version} needs {what} {wanted}, and this is {what} {here}: "
                f"get a newer {newest if least else 'plugin'}."
            )
