"""`cornerman doctor`: what the plugin finds on this machine, what it would choose, and why."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import replace
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
            lines += _device(device, data)
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


def _device(device: str, data: Path) -> list[str]:
    """What is chosen, why, and how fast it learns there; SettingsError where one asked for is not there."""
    from cornerman.learning.compiled import cpu_steps
    from cornerman.learning.device import Choice, choose_device, configure_trainer_thread, learning_speed

    file, settings = data / "settings.toml", Settings()
    line = f"  settings     {file}" if os.path.exists(file) else f"  settings     none in {data}, so the defaults"
    try:
        settings = read_settings(file)
    except SettingsError as error:
        line = f"  settings     {error} Nothing of it is used."
    spec, network = _network(data, settings)
    configure_trainer_thread()  # measured as the trainer would learn
    on_cpu, batch_size = cpu_steps(data), settings.batch_size
    measure = partial(learning_speed, on_cpu=on_cpu.learn)
    try:
        choice = choose_device(settings.device if device == "auto" else device, spec, batch_size, measure)
    except SettingsError as error:
        if device != "auto":
            raise
        choice = Choice("cpu", f"{error} Learning runs on the CPU.")
    timings = dict(choice.timings) or {choice.device: measure(choice.device, spec, batch_size)}
    lines = [f"  chosen       {choice.device}", f"  why          {choice.why}", line]
    lines += [f"  timed        {network}, batch {batch_size}"]
    lines += [f"  {name:<12} {speed:.0f} learning steps a second" for name, speed in timings.items()]
    return lines + ([f"  CPU          {on_cpu.why_slow}"] if on_cpu.why_slow else [])


def _network(data: Path, settings: Settings) -> tuple[NetworkSpec, str]:
    """The network of the newest version that loads, or a typical game's, and its sizes for a person."""
    from cornerman.files.atomic import read_json
    from cornerman.learning.device import TYPICAL_SPEC
    from cornerman.models.manifest import parse_manifest
    from cornerman.models.weights import MANIFEST, damage

    spec, whose = (
        replace(TYPICAL_SPEC, hidden=settings.hidden_layers(headless=True)),
        "sizes of a typical game, no version is stored",
    )
    sound = next((folder for folder in reversed(_folders(data)) if damage(folder) is None), None)
    if sound is not None:
        spec, whose = parse_manifest(read_json(sound / MANIFEST, "It"), "It").spec, f"as version {int(sound.name)}"
    layers = " and ".join(map(str, spec.hidden))
    return spec, f"{spec.observation_size} inputs, layers of {layers}, {spec.num_actions} actions ({whose})"


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
