"""`cornerman doctor`: what the plugin finds on this machine, what it would choose, and why."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cornerman import __version__
from cornerman.contract import SettingsError
from cornerman.files.packages import importable, version_of
from cornerman.files.quality_note import quality_lines
from cornerman.settings import Settings, read_settings

if TYPE_CHECKING:
    from cornerman.policy.q_network import NetworkSpec

MEASURED_S, MEASUREMENTS = 1.5, 6
NEEDED = ("numpy", "psutil", "safetensors")
OPTIONAL = {"numba": "it learns faster with it", "torch": "only to learn on an accelerator"}


@dataclass(frozen=True, slots=True)
class LearningSetup:
    """Network, batch size and wanted device of the learner, as the settings and the stored versions say."""

    device: str
    asked: bool  # on the command line: the device must be there
    spec: NetworkSpec
    batch_size: int
    lines: list[str]  # where all this comes from


def examine(device: str, data: Path) -> tuple[list[str], bool]:
    """Lines for a person, and whether everything that playing and learning need is there.

    `device` is tried in place of the one in `settings.toml` of the folder `data`; "auto" leaves that to the settings.
    """
    lines = [f"Cornerman {__version__}, Python {platform.python_version()} on {platform.platform()}", "", "Packages"]
    missing, healthy = list[str](), True
    for package in (*NEEDED, *OPTIONAL):
        if not importable(package):
            missing += [package] * (package in NEEDED)
            why = f"not installed, {OPTIONAL[package]}" if package in OPTIONAL else "missing"
            lines.append(f"  {package:<12} {why}: pip install {package}")
        else:
            lines.append(f"  {package:<12} {version_of(package)}")
    if not missing:
        lines += ["", "Machine", *_machine(), "", "Device"]
        try:
            lines += _device(_setup(device, data), data)
        except SettingsError as error:
            lines.append(f"  {error}")
            healthy = False
    lines += ["", "Stored versions", *_versions(data)]
    if not missing:
        lines += _damage(data)
        lines += ["", "Recorded data", *(f"  {line}" for line in quality_lines(data))]
    if missing:
        lines += ["", "It cannot play until these are installed."]
    return lines, healthy and not missing


def _machine() -> list[str]:
    from cornerman.training.machine import Machine

    machine = Machine()
    for _ in range(MEASUREMENTS):  # the load of a processor is measured over some time
        reading = machine.read()
        time.sleep(MEASURED_S / MEASUREMENTS)
    figures = (("processor", "cpu_percent", "% busy"), ("memory", "memory_percent", "% used"))
    lines = []
    for name, key, unit in (*figures, ("temperature", "temperature_c", "C")):
        value = reading.get(key)
        lines.append(f"  {name:<12} {'not available' if value is None else f'{value:.0f} {unit}'}")
    return lines


def _setup(device: str, data: Path) -> LearningSetup:
    """The settings in the folder, and the sizes of the newest version that loads; a typical game's without one."""
    from cornerman.learning.device import TYPICAL_SPEC
    from cornerman.models.weights import MANIFEST, damage

    file, settings = data / "settings.toml", Settings()
    line = f"  settings     {file}" if os.path.exists(file) else f"  settings     none in {data}, so the defaults"
    try:
        settings = read_settings(file)
    except SettingsError as error:
        line = f"  settings     {error} Nothing of it is used."
    spec, whose = replace(TYPICAL_SPEC, hidden=settings.hidden), "sizes of a typical game, no version is stored"
    sound = next((folder for folder in reversed(_folders(data)) if damage(folder) is None), None)
    if sound is not None:
        manifest = json.loads((sound / MANIFEST).read_bytes())
        inputs, actions, hidden = manifest["observation_size"], manifest["action_names"], manifest["hidden"]
        spec = replace(spec, observation_size=inputs, num_actions=len(actions), hidden=tuple(hidden))
        whose = f"as version {int(sound.name)}"
    layers = " and ".join(map(str, spec.hidden))
    network = f"{spec.observation_size} inputs, layers of {layers}, {spec.num_actions} actions ({whose})"
    timed = f"  timed        {network}, batch {settings.batch_size}"
    asked = device != "auto"
    return LearningSetup(device if asked else settings.device, asked, spec, settings.batch_size, [line, timed])


def _device(setup: LearningSetup, data: Path) -> list[str]:
    """What is chosen, why, and how fast it learns there; SettingsError where one asked for is not there."""
    from cornerman.learning.compiled import cpu_steps
    from cornerman.learning.device import Choice, choose_device, configure_trainer_thread, learning_speed

    configure_trainer_thread()  # measured as the trainer would learn
    on_cpu = cpu_steps(data)
    measure = partial(learning_speed, on_cpu=on_cpu.learn)
    try:
        choice = choose_device(setup.device, setup.spec, setup.batch_size, measure)
    except SettingsError as error:
        if setup.asked:
            raise
        choice = Choice("cpu", f"{error} Learning runs on the CPU.")
    timings = dict(choice.timings) or {choice.device: measure(choice.device, setup.spec, setup.batch_size)}
    speeds = [f"  {name:<12} {speed:.0f} learning steps a second" for name, speed in timings.items()]
    slow = [f"  CPU          {on_cpu.why_slow}"] if on_cpu.why_slow else []
    return [f"  chosen       {choice.device}", f"  why          {choice.why}", *setup.lines, *speeds, *slow]


def _folders(data: Path) -> list[Path]:
    """Of every stored version, the oldest first."""
    folders = [path for path in (data / "versions").glob("*") if path.name.isdecimal() and path.is_dir()]
    return sorted(folders, key=lambda path: int(path.name))


def _versions(data: Path) -> list[str]:
    folders = _folders(data)
    return [f"  {len(folders)} in {data}, the newest is {int(folders[-1].name)}" if folders else f"  none in {data}"]


def _damage(data: Path) -> list[str]:
    """A sentence for every stored version that does not load."""
    from cornerman.models.weights import damage

    return [f"  {problem}" for problem in map(damage, _folders(data)) if problem is not None]
