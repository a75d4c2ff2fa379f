"""`cornerman doctor`: what the plugin finds on this machine, what it would choose, and why."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import time
from pathlib import Path

from cornerman import __version__
from cornerman.contract import CornermanError
from cornerman.quality import quality_lines

MEASURED_S, MEASUREMENTS = 1.5, 6
NEEDED, WANTED = ("numpy", "psutil", "safetensors"), ("torch",)


def examine(device: str, data: Path) -> tuple[list[str], bool]:
    """Lines for a person, and whether everything that playing and learning need is there."""
    lines = [f"Cornerman {__version__}, Python {platform.python_version()} on {platform.platform()}", "", "Packages"]
    missing = []
    for package in (*NEEDED, *WANTED):
        if importlib.util.find_spec(package) is None:
            missing.append(package)
            lines.append(f"  {package:<12} missing: pip install {package}")
        else:
            lines.append(f"  {package:<12} {importlib.metadata.version(package)}")
    if not set(missing) & set(NEEDED):
        lines += ["", "Machine", *_machine()]
    if not missing:
        lines += ["", "Device", *_device(device)]
    lines += ["", "Stored versions", *_versions(data)]
    if not set(missing) & set(NEEDED):
        lines += _damage(data)
        lines += ["", "Recorded data", *(f"  {line}" for line in quality_lines(data))]
    if missing:
        lines += ["", f"It cannot {'play' if set(missing) & set(NEEDED) else 'learn'} until these are installed."]
    return lines, not missing


def _machine() -> list[str]:
    from cornerman.hardware import Machine

    machine = Machine()
    for _ in range(MEASUREMENTS):  # how busy a processor is can only be told over some time
        reading = machine.read()
        time.sleep(MEASURED_S / MEASUREMENTS)
    temperature = reading.get("temperature_c")
    return [
        f"  processor    {reading['cpu_percent'] or 0:.0f} % busy",
        f"  memory       {reading['memory_percent'] or 0:.0f} % used",
        f"  temperature  {'not available' if temperature is None else f'{temperature:.0f} C'}",
    ]


def _device(setting: str) -> list[str]:
    from cornerman.hardware import choose_device, configure_trainer_thread, learning_speed

    configure_trainer_thread()  # measured as the trainer would learn
    try:
        choice = choose_device(setting)
    except CornermanError as error:
        return [f"  {error}"]
    timings = dict(choice.timings) or {choice.device: learning_speed(choice.device)}
    lines = [f"  chosen       {choice.device}", f"  why          {choice.why}"]
    return lines + [f"  {name:<12} {speed:.0f} learning steps a second (batch 64)" for name, speed in timings.items()]


def _versions(data: Path) -> list[str]:
    folder = data / "versions"
    if not folder.is_dir():
        return [f"  none in {data}"]
    numbers = sorted(path.name for path in folder.iterdir() if path.name.isdigit())
    return [f"  {len(numbers)} in {data}, the newest is {int(numbers[-1])}" if numbers else f"  none in {data}"]


def _damage(data: Path) -> list[str]:
    """A sentence for every stored version that does not load."""
    from cornerman.stored_weights import damage

    folders = [path for path in (data / "versions").glob("*") if path.name.isdigit() and path.is_dir()]
    return [f"  {problem}" for problem in map(damage, sorted(folders)) if problem is not None]
