"""Kind 23: a game built with PyInstaller by the documented line plays with the plugin (it lacked modules before)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.long

GAME = '''
"""A game of one blow, with its own copy of the host; it prints what it saw as JSON."""
import json, sys
from pathlib import Path
from random import Random
from plugin_host import Host, Match


class Battle:
    def __init__(self, seed):
        self.random, self.health, self.round, self.outcome = Random(seed), [3, 3], 1, None

    @property
    def seat(self):
        return None if self.outcome else self.round % 2

    def state(self):
        names = ("name", "seat", "health", "maxHealth", "attack", "defense", "speed")
        rows = [(str(seat), seat, health, 3, 1, 1, 1) for seat, health in enumerate(self.health)]
        return {"round": min(self.round, 20), "characters": [dict(zip(names, row)) for row in rows]}

    def action_mask(self):
        return [True, True]

    def apply(self, action):
        seat = self.seat
        self.health[1 - seat] -= self.random.random() < (0.8 if action else 0.4)
        if self.health[1 - seat] == 0:
            self.outcome = {seat: 1, 1 - seat: -1}
        self.round += 1


class Game:
    name, version, action_names = "tiny", "1", ("poke", "hit")
    bots = {"random": lambda battle, random: random.randrange(2)}

    def new_battle(self, seed):
        return Battle(seed)


here = Path(sys.executable).parent
bundled = Path(sys._MEIPASS) / "plugins"
host = Host(bundled if bundled.is_dir() else here / "plugins", here / "data", Game())
host.load()
for number in range(1, 4):
    match = Match(host, Battle(number), number, {0: "plugin", 1: "scripted"}, Game.bots["random"], Random(number))
    while not match.over:
        match.start_round()
        match.play(match.decide())
    host.settle(5.0)
report = host.report("cornerman") or {}
host.quit()
stored = [path.name for path in (here / "data" / "cornerman").iterdir()]
print(json.dumps({"messages": host.messages, "report": report, "stored": stored,
                  "file": getattr(sys.modules.get("cornerman.plugin"), "__file__", "")}))
'''


def documented_command() -> list[str]:
    page = (ROOT / "docs" / "integrate.md").read_text("utf-8")
    (line,) = re.findall(r"^    pyinstaller (game\.py .*)$", page, re.MULTILINE)
    return str(line).split()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A game's folder as its author has it."""
    folder, ignored = tmp_path_factory.mktemp("game"), shutil.ignore_patterns("__pycache__")
    (folder / "game.py").write_text(GAME, "utf-8")
    shutil.copytree(ROOT / "game_adapter" / "host", folder / "plugin_host", ignore=ignored)
    shutil.copytree(ROOT / "plugin" / "cornerman", folder / "plugins" / "cornerman", ignore=ignored)
    return folder


@pytest.mark.parametrize("where", ["bundled", "beside", "one file"])
def test_game_built_by_the_documented_line_plays_with_the_plugin(project: Path, tmp_path: Path, where: str) -> None:
    arguments = documented_command()
    if where == "beside":  # players drop it in
        at = arguments.index("--add-data")
        del arguments[at : at + 2]
    if where == "one file":
        arguments.append("--onefile")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "PyInstaller", *arguments, "-y", "--log-level", "ERROR"]
    command += ["--distpath", str(tmp_path), "--workpath", str(tmp_path / "build")]
    subprocess.run(command, cwd=project, env=environment, check=True, timeout=500)
    program = tmp_path / "game" if where == "one file" else tmp_path / "game" / "game"
    if where == "beside":
        shutil.copytree(project / "plugins", program.parent / "plugins")
    done = subprocess.run([program], capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["report"]["plugin"]["on"], seen
    assert seen["report"]["plugin"]["learning"], seen
    assert seen["report"]["recorder"]["recorded"] > 0
    assert {"versions", "champion.json", "battles.sqlite"} <= set(seen["stored"]), "sqlite3 is there, too"
    assert Path(seen["file"]).parts[-3:-1] == ("plugins", "cornerman"), "the dropped-in copy plays"
