"""`cornerman doctor`: what the plugin finds on this machine, what it would choose, and why; and how learning goes."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cornerman import __version__
from cornerman.contract import ModelError, SettingsError
from cornerman.edge import raspberry_pi
from cornerman.files.packages import importable, version_of
from cornerman.files.quality_note import quality_lines
from cornerman.settings import Settings, chosen_settings

if TYPE_CHECKING:
    from cornerman.learning.compiled import CpuSteps
    from cornerman.policy.policy import Policy
    from cornerman.policy.q_network import NetworkSpec

MEASURED_S, MEASUREMENTS = 1.5, 6
VCGENCMD_S = 5.0
OPTIONAL = {"numba": "it learns faster with it", "torch": "only to learn on an accelerator"}
UNFIT_FOR_A_PI = ("torch",)
"""Not offered there: it has no accelerator to learn on, and the wheel for its processor takes gigabytes or crashes."""
HAILO_INSTALL = "sudo apt install hailo-all (AI HAT+ 2: hailo-h10-all), then restart"


def examine(device: str, data: Path, root: Path = raspberry_pi.ROOT) -> tuple[list[str], bool]:
    """Lines for a person, and whether everything that playing and learning need is there.

    `device` is tried in place of the one in `settings.toml` of the folder `data`; "auto" leaves that to the settings.
    `root` is the folder with the system's `proc`, `sys` and `dev`.
    """
    lines = [f"Cornerman {__version__}, Python {platform.python_version()} on {platform.platform()}", "", "Packages"]
    missing, healthy = list[str](), True
    for package in (*raspberry_pi.NEEDED, *OPTIONAL):
        if package in UNFIT_FOR_A_PI and raspberry_pi.model(root) and not importable(package):
            continue
        if not importable(package):
            missing += [package] * (package in raspberry_pi.NEEDED)
            why = f"not installed, {OPTIONAL[package]}" if package in OPTIONAL else "missing"
            lines.append(f"  {package:<12} {why}: pip install {package}")
        else:
            lines.append(f"  {package:<12} {version_of(package)}")
    if not missing:
        lines += ["", "Machine", *_machine(root), *_on_a_pi(root), "", "Device"]
        settings, source = _settings(data, root)
        try:
            lines += _device(device, data, settings, source)
        except SettingsError as error:
            lines.append(f"  {error}")
            healthy = False
        lines += ["", "Playing", *_playing(data, settings.playing_backend)]
    lines += ["", "Stored versions", *_versions(data)]
    if not missing:
        lines += _damage(data)
        lines += ["", "Recorded data", *(f"  {line}" for line in quality_lines(data))]
        lines += ["", "Learning", *_learning(data, settings)]
    if missing:
        lines += [*_on_a_pi(root), "", "It cannot play until these are installed."]
    return lines, healthy and not missing


def _learning(data: Path, settings: Settings) -> list[str]:
    from cornerman.cli.learning_state import learning_lines

    return [f"  {line}" for line in learning_lines(data, settings)]


def _machine(root: Path) -> list[str]:
    from cornerman.training.machine import Machine

    machine = Machine(sysfs=root / "sys")
    for _ in range(MEASUREMENTS):  # the load of a processor is measured over some time
        reading = machine.read()
        time.sleep(MEASURED_S / MEASUREMENTS)
    figures = (("processor", "cpu_percent", "% busy"), ("memory", "memory_percent", "% used"))
    lines = []
    for name, key, unit in (*figures, ("temperature", "temperature_c", "C")):
        value = reading.get(key)
        lines.append(f"  {name:<12} {'not available' if value is None else f'{value:.0f} {unit}'}")
    return lines


def _on_a_pi(root: Path) -> list[str]:
    """What a Raspberry Pi says of itself, and what is still to be installed there; none on another machine."""
    if not (name := raspberry_pi.model(root)):
        return []
    size, memory = raspberry_pi.profile_size(root), raspberry_pi.memory_gb(root)
    seen = "unknown" if memory is None else f"{memory:.1f} GB"
    found = _throttling(root)
    now, earlier = ("not available",) * 2
    if found is not None:
        now, earlier = (", ".join(found.flags(since)) or "none" for since in (False, True))
    values = ", ".join(f"{key} {value}" for key, value in raspberry_pi.PROFILES[size].items()) or "the defaults"
    lines = [f"  model        {name}", f"  memory       {seen}", f"  profile      pi for {size} GB: {values}"]
    lines += [f"  throttling   now: {now}; since the start: {earlier}"]
    if found is not None and "under-voltage" in found.flags() + found.flags(since_start=True):
        lines.append("  power        too weak: use the power supply made for this model, and a short cable")
    lines += [f"  HAT          {raspberry_pi.hat(root) or 'none that says so'}", *_hailo(root)]
    first, *more = raspberry_pi.to_install(root) or ["nothing"]
    return ["", "Raspberry Pi", *lines, f"  to install   {first}", *(f"               {line}" for line in more)]


def _throttling(root: Path) -> raspberry_pi.Throttling | None:
    """From the kernel, or where it does not tell from `vcgencmd`."""
    file = raspberry_pi.throttling_file(root / "sys")
    if file is not None and (found := raspberry_pi.parse_throttling(raspberry_pi.text_of(file))) is not None:
        return found
    try:
        command = [str(root / "usr/bin/vcgencmd"), "get_throttled"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=VCGENCMD_S, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired):  # it is not there, may not be run, or does not answer
        return None
    return raspberry_pi.parse_throttling(answer.stdout)


def _hailo(root: Path) -> list[str]:
    on_bus, driver = raspberry_pi.hailo(root)
    if not on_bus:
        return []
    if not driver:
        state = "on the bus, without its driver"
    elif not importable("hailo_platform"):
        state = "there with its driver, but this Python has no hailo_platform"
    else:
        return [f"  Hailo        there with its driver, hailo_platform {version_of('hailo_platform')}"]
    return [f"  Hailo        {state}:", f"               {HAILO_INSTALL}"]


def _settings(data: Path, root: Path) -> tuple[Settings, str]:
    """What the game would have but for its wishes; and the file, or why there is nothing of it."""
    file, problems = data / "settings.toml", list[str]()
    settings = chosen_settings(file, {}, problems.append, partial(raspberry_pi.profile_values, root=root))
    source = str(file) if os.path.exists(file) else f"none in {data}, so the defaults"
    return settings, problems[0] if problems else source


def _device(device: str, data: Path, settings: Settings, source: str) -> list[str]:
    """What is chosen, why, and how fast it learns there; SettingsError where one asked for is not there."""
    from cornerman.learning.device import Choice, choose_device, configure_trainer_thread, learning_speed

    spec, network = _network(data, settings)
    configure_trainer_thread()  # measured as the trainer would learn
    on_cpu, batch_size = _steps_on_cpu(data), settings.batch_size
    measure = partial(learning_speed, on_cpu=on_cpu.learn)
    try:
        choice = choose_device(settings.device if device == "auto" else device, spec, batch_size, measure)
    except SettingsError as error:
        if device != "auto":
            raise
        choice = Choice("cpu", f"{error} Learning runs on the CPU.")
    timings = dict(choice.timings) or {choice.device: measure(choice.device, spec, batch_size)}
    lines = [f"  chosen       {choice.device}", f"  why          {choice.why}", f"  settings     {source}"]
    lines += [f"  timed        {network}, batch {batch_size}"]
    lines += [f"  {name:<12} {speed:.0f} learning steps a second" for name, speed in timings.items()]
    return lines + ([f"  CPU          {on_cpu.why_slow}"] if on_cpu.why_slow else [])


def _steps_on_cpu(data: Path) -> CpuSteps:
    """As the game would have them, from what it compiled or compiled now; the data folder stays as it is."""
    from cornerman.learning.compiled import FOLDER, cpu_steps

    with tempfile.TemporaryDirectory(prefix="cornerman-", ignore_cleanup_errors=True) as name:
        with suppress(OSError):  # there is none, or a running game replaces some of it: then it is compiled here
            shutil.copytree(data / FOLDER, Path(name, FOLDER))
        return cpu_steps(Path(name))


def _network(data: Path, settings: Settings) -> tuple[NetworkSpec, str]:
    """The network of the newest version that loads, or a typical game's, and its sizes for a person."""
    from cornerman.learning.device import TYPICAL_SPEC

    policy = _first_that_loads(reversed(_folders(data)))
    if policy is not None:
        spec, whose = policy.spec, f"as version {policy.version}"
    else:
        spec = replace(TYPICAL_SPEC, hidden=settings.hidden_layers(headless=True))
        whose = "sizes of a typical game, no version is stored"
    layers = " and ".join(map(str, spec.hidden))
    return spec, f"{spec.observation_size} inputs, layers of {layers}, {spec.num_actions} actions ({whose})"


def _playing(data: Path, wanted: str) -> list[str]:
    """Who would compute decisions and how long each takes here, by the setting playing_backend."""
    from cornerman.edge.backends import NUMPY, builders, choose

    (policy, whose), build = _policy(data), builders(data / "hef")
    choice = choose(wanted, policy, build)
    lines = [f"  chosen       {choice.name}, by the setting playing_backend: {wanted}", f"  why          {choice.why}"]
    lines.append(f"  timed        {whose}")
    for name in (NUMPY, *build):
        tried = choose(name, policy, build)
        found = f"cannot: {tried.problems[name]}" if name in tried.problems else f"{tried.microseconds[name]:.0f} us"
        lines.append(f"  {name:<12} {found}")
    return [*lines, "               (written to the vendor's interface, not run on hardware)"]


def _policy(data: Path) -> tuple[Policy, str]:
    """Of the champion or the newest version that loads, or random for a typical game; and whose it is for a person."""
    import numpy as np

    from cornerman.learning.device import TYPICAL_SPEC
    from cornerman.models.champion_file import read_champions
    from cornerman.policy.policy import Policy
    from cornerman.policy.q_network import draw

    record, _ = read_champions(data)
    played = [data / "versions" / f"{number:06}" for number in (record.champions[::-1] if record else ())]
    policy = _first_that_loads([*played, *reversed(_folders(data))])
    if policy is not None:
        return policy, f"with the weights of version {policy.version}"
    return Policy(TYPICAL_SPEC, draw(TYPICAL_SPEC, np.random.default_rng(0))), "a typical game's, no version is stored"


def _first_that_loads(folders: Iterable[Path]) -> Policy | None:
    """The policy of the first version that does; the section about stored versions says what is wrong with others."""
    from cornerman.models.weights import policy_in

    for folder in folders:
        with suppress(ModelError):
            return policy_in(folder)
    return None


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
