"""Plugins written into a folder for a test, hosts that load them, and games that are only names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from game_adapter.host import Host
from tests.support.paths import PLUGINS, ROOT, environment

MANIFEST = """[plugin]
name = "{name}"
version = "1.2"
api = 1
entry = "{package}.main:Plugin"
summary = "A plugin of the tests."
"""
CALLED = """
def __init__(self):
    self.calls = []
def report(self):
    return {"calls": list(self.calls)}
"""
"""Hooks of a plugin whose `self.calls` can be read through the host."""


class NamedGame:
    """What every game offers and nothing more."""

    name, version, action_names = "named", "1", ("wait", "strike", "guard")


def drop(
    plugins_dir: Path, package: str, hooks: str = "def on_quit(self): ...", before: str = "", **manifest: str
) -> Path:
    """Write a plugin package whose class has `hooks` (source of methods); returns its folder.

    `manifest` changes or adds lines of plugin.toml, given as TOML values.
    """
    folder = plugins_dir / package
    folder.mkdir(parents=True)
    lines = MANIFEST.format(name=package, package=package).splitlines()
    kept = [line for line in lines if line.split(" = ")[0] not in manifest]
    (folder / "plugin.toml").write_text(
        "\n".join([*kept, *(f"{key} = {value}" for key, value in manifest.items())]), "utf-8"
    )
    (folder / "__init__.py").write_text("", "utf-8")
    body = indent(dedent(hooks).strip(), "    ")
    (folder / "main.py").write_text(f"{dedent(before)}\nclass Plugin:\n{body}\n", "utf-8")
    return folder


def host_of(plugins_dir: Path, mode: str = "", panel_key: str = "", **settings: Any) -> Host:
    """A host that has loaded a folder; it keeps data beside that folder."""
    host = Host(plugins_dir, plugins_dir.parent / "data", NamedGame(), settings, mode, panel_key)
    host.load()
    return host


def run_python(folder: Path, code: str, *arguments: str, paths: tuple[Path, ...] = (PLUGINS, ROOT)) -> str:
    """Run code in a process of its own; returns its output. AssertionError where it fails."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment(*paths),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
