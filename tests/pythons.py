"""The tests on every newer Python of this machine, without torch: `python -m tests.pythons`, with options for pytest.

Each Python gets an environment of its own, such as `.venv-3.13`. What needs torch is skipped with its reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

NEWEST_MINOR = 20
PACKAGES = (".[game,fast,plot]", "pytest>=8", "hypothesis>=6.100", "pillow>=10")
OPTIONS = ("-m", "not long", "--ignore=tests/torture", "--ignore=tests/benchmarks")


def version_of(python: str) -> str:
    """The interpreter's "3.13"; empty where it does not run, as pyenv's stand-ins of other versions."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def newer_pythons() -> dict[str, str]:
    """Interpreters newer than this one by version, from the search path and from pyenv."""
    found = {}
    for minor in range(sys.version_info.minor + 1, NEWEST_MINOR):
        version = f"3.{minor}"
        of_pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for python in (shutil.which(f"python{version}"), *map(str, of_pyenv)):
            if python and version_of(python) == version:
                found[version] = python
                break
    return found


def environment(version: str, python: str) -> Path:
    """The interpreter of an up-to-date environment, made where it is missing."""
    home, project = ROOT / f".venv-{version}", ROOT / "pyproject.toml"
    inside, installed = home / ("Scripts" if os.name == "nt" else "bin") / "python", home / ".installed"
    if not installed.exists() or installed.stat().st_mtime < project.stat().st_mtime:
        subprocess.run([python, "-m", "venv", home], check=True)
        subprocess.run([inside, "-m", "pip", "install", "--quiet", "--editable", *PACKAGES], cwd=ROOT, check=True)
        installed.touch()
    return inside


def main(options: list[str]) -> int:
    """Status 0 where all tests passed on at least one newer Python."""
    pythons, failed = newer_pythons(), []
    if not pythons:
        print(f"No Python newer than {sys.version_info.major}.{sys.version_info.minor} was found: nothing was tested.")
        return 1
    for version, python in pythons.items():
        print(f"Python {version}: {python}", flush=True)
        command = [str(environment(version, python)), "-m", "pytest", *OPTIONS, *options]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(version)
    print(f"Tested on Python {', '.join(pythons)}; failed on {', '.join(failed) or 'none'}.")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
