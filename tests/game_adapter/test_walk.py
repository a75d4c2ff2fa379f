"""A walk through the real window under a virtual screen: every control by keys and by mouse, while learning goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.paths import ROOT, environment

WALK_S = 1200


@pytest.fixture
def screen() -> Iterator[str]:
    """The name of a virtual screen that lasts as long as the test."""
    missing = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"the walk needs a virtual screen and hands: {' and '.join(missing)} not installed here")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


@pytest.mark.long
def test_every_control_has_its_effect_by_keys_and_by_mouse_while_learning_goes_on(tmp_path: Path, screen: str) -> None:
    drivers = {"DISPLAY": screen, "SDL_VIDEODRIVER": "x11", "SDL_AUDIODRIVER": "dummy", "SDL_VIDEO_WINDOW_POS": "0,0"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.ringside_walk", str(tmp_path)],
        cwd=ROOT,
        env=environment(**drivers),
        capture_output=True,
        text=True,
        timeout=WALK_S,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    lines = [line.split(" | ") for line in done.stdout.splitlines() if line.count(" | ") == 3]
    controls = {how: {control for used, control, *_ in lines if used.strip() == how} for how in ("key", "mouse")}
    for control in ("choose", "let it play", "roll back", "export", "import"):
        assert all(f"Versions: {control}" in used for used in controls.values()), control
    for control in ("You: forget this player", "You: forget all", "You: take the question back", "ghost: moves"):
        assert all(control in used for used in controls.values()), control
    by_keys_alone = {control for control in controls["key"] - controls["mouse"] if "focus" not in control}
    assert by_keys_alone == {"Question: back", "Battle: target"}, "or by a click elsewhere"
    steps = [int(learned.split()[0]) for *_, learned in lines]
    assert sum(later > earlier for earlier, later in pairwise(steps)) >= 5, "learning stood still"
