"""Ringside started the way a player starts it: `python -m game_adapter` in a folder of its own, in its own process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

PATIENCE_S = 300


@dataclass(frozen=True)
class Run:
    status: int
    output: str
    errors: str
    battles: list[dict[str, Any]]
    summary: dict[str, Any] | None

    def check_clean(self) -> None:
        """Status 0, and nothing on the output that is for programmers."""
        assert self.status == 0, self.errors
        assert "Traceback" not in self.output + self.errors
        assert self.errors == ""


def drop_in(folder: Path) -> Path:
    """Copy the plugin into `folder`/plugins, as a player would; returns the copy."""
    copy = folder / "plugins" / "cornerman"
    shutil.copytree(ROOT / "plugin" / "cornerman", copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def link_in(folder: Path) -> None:
    """Drop the plugin in as a link to the folder here, whose compiled code there is already."""
    (folder / "plugins").mkdir(parents=True)
    (folder / "plugins" / "cornerman").symlink_to(ROOT / "plugin" / "cornerman", target_is_directory=True)


def write_settings(folder: Path, text: str) -> Path:
    """Write the player's settings of headless series."""
    data = folder / "data" / "series" / "cornerman"
    data.mkdir(parents=True, exist_ok=True)
    (data / "settings.toml").write_text(text + "\n", "utf-8")
    return data / "settings.toml"


def versions(folder: Path, series: str = "series") -> dict[str, str]:
    """The weights that headless series have stored by version, as SHA-256."""
    stored = sorted((folder / "data" / series / "cornerman" / "versions").glob("*/weights.safetensors"))
    return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in stored}


def start(folder: Path, *arguments: str, **environment: str | None) -> subprocess.Popen[str]:
    """Start the game in `folder`, its data there too; cornerman is importable only from its plugins folder."""
    changed = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    kept = {key: value for key, value in os.environ.items() if key not in changed}
    return subprocess.Popen(
        [sys.executable, "-m", "game_adapter", "--data", "data", "--json", "battles.jsonl", *arguments],
        cwd=folder,
        env={**kept, **{key: value for key, value in changed.items() if value is not None}},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], folder: Path) -> Run:
    """Wait for a started game and read what it wrote."""
    try:
        output, errors = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"the game does not end: {output} {errors}") from None
    path = folder / "battles.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    summary = lines.pop()["summary"] if lines and "summary" in lines[-1] else None
    return Run(process.returncode, output, errors, lines, summary)


def play(folder: Path, *arguments: str, **environment: str | None) -> Run:
    """A headless series from start to end."""
    return finish(start(folder, "--headless", *arguments, **environment), folder)
