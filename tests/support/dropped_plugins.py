"""Plugins written into a folder for a test, and a game that is only a name."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

MANIFEST = """[plugin]
name = "{name}"
version = "1.2"
api = 1
entry = "{name}.main:Plugin"
summary = "A plugin of the tests."
"""


class NamedGame:
    """What every game offers and nothing more."""

    name, version, action_names = "named", "1", ("wait", "strike", "guard")


def drop(plugins_dir: Path, name: str, hooks: str, before: str = "") -> Path:
    """Write a plugin package called `name` whose class has `hooks` (source of methods); returns its folder."""
    folder = plugins_dir / name
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(MANIFEST.format(name=name), "utf-8")
    (folder / "__init__.py").write_text("", "utf-8")
    body = indent(dedent(hooks).strip(), "    ")
    (folder / "main.py").write_text(f"{dedent(before)}\nclass Plugin:\n{body}\n", "utf-8")
    return folder
