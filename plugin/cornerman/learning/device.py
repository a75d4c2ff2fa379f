"""Which device learns, and how the trainer's thread is set up for it.

torch is imported only inside functions that the trainer's thread calls, and only where an accelerator may be there.
"""

from __future__ import annotations

import glob
import importlib.util
import os
import platform
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cornerman.contract import SettingsError
from cornerman.learning.learner import DEVICE_ERRORS, Learner, first_line, made_up_rows
from cornerman.learning.processors import only_one
from cornerman.learning.update import LearnSteps, learn_steps
from cornerman.policy.q_network import NetworkSpec

ACCELERATORS = ("cuda", "xpu", "mps")
TYPICAL_SPEC = NetworkSpec(64, 16)
TRAINER_NICENESS = 10
SIGNS = {
    "cuda": ("/dev/nvidia[0-9]*", "/dev/dxg", "/proc/driver/nvidia/version", "/dev/nvmap", "{windows}/nvcuda.dll"),
    "hip": ("/dev/kfd", "/dev/dxg", "{windows}/amdhip64*.dll"),
    "xpu": ("/dev/dri/renderD*", "/dev/dxg", "{windows}/ze_loader.dll"),
}
"""Files of a driver, for each kind of device that a build of torch may be made for."""

Measure = Callable[[str, NetworkSpec, int], float]


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to learn and why, as a sentence for the player."""

    device: str
    why: str
    timings: Mapping[str, float] = field(default_factory=dict)  # learning steps per second, by device tried


def choose_device(
    setting: str = "auto",
    spec: NetworkSpec = TYPICAL_SPEC,
    batch_size: int = 64,
    measure: Measure | None = None,
) -> Choice:
    """The device to learn on; an accelerator has to learn a few bursts faster than the CPU. Trainer's thread.

    `setting` is "auto", "cpu" or a device's name; SettingsError where that device is not there. "auto" imports torch
    only where there is a sign of an accelerator.
    """
    measure = measure or learning_speed
    if setting == "cpu":
        return Choice("cpu", "The settings ask for the CPU.")
    if setting != "auto" and setting not in ACCELERATORS:
        raise SettingsError(f"The device {setting!r} is not known: write auto, cpu, {', '.join(ACCELERATORS)}.")
    found = found_accelerators() if setting != "auto" or signs_of_accelerators() else ()
    if setting != "auto" and setting not in found:
        others = f"found: {', '.join(found)}" if found else "no accelerator was found"
        raise SettingsError(f"The settings ask for the device {setting!r}, which is not there ({others}): write auto.")
    name = setting if setting != "auto" else next(iter(found), "cpu")
    if name == "cpu":
        return Choice("cpu", "No accelerator was found, so learning runs on the CPU.")
    try:
        timings = {name: measure(name, spec, batch_size)}
    except DEVICE_ERRORS as error:
        why = f"A {name} device was found but a trial step failed, so learning runs on the CPU: {first_line(error)}"
        return Choice("cpu", why)
    if setting != "auto":
        return Choice(name, f"The settings ask for {name}.", timings)
    timings["cpu"] = measure("cpu", spec, batch_size)
    fastest = max(timings, key=lambda device: timings[device])
    speeds = f"{timings[name]:.0f} learning steps a second on {name}, {timings['cpu']:.0f} on the CPU"
    small = " (small networks often learn faster there)" if fastest == "cpu" else ""
    return Choice(fastest, f"Measured {speeds}: learning runs on {fastest}{small}.", timings)


def signs_of_accelerators() -> tuple[str, ...]:
    """What the installed torch and the machine's drivers may have in common; imports nothing, takes a millisecond.

    "cuda" (also for "hip", AMD's), "xpu", "mps"; empty without torch. A sign promises nothing: torch is asked then.
    """
    try:
        found = importlib.util.find_spec("torch")
        version = Path(found.origin or "").with_name("version.py").read_text("utf-8") if found else ""
    except Exception:  # noqa: BLE001 - import hooks of the game raise anything, a stub or a strange build has no file
        return ()
    built_for = re.findall(r"^(cuda|hip|xpu)\b.*= *'", version, re.MULTILINE)
    windows = os.path.join(os.environ.get("SYSTEMROOT", ""), "System32") if sys.platform == "win32" else ""
    signs = [kind for kind in built_for if any(glob.glob(path.format(windows=windows)) for path in SIGNS[kind])]
    if version and sys.platform == "darwin" and platform.machine() == "arm64":
        signs.append("mps")
    return tuple(dict.fromkeys("cuda" if sign == "hip" else sign for sign in signs))


def found_accelerators() -> tuple[str, ...]:
    """Names of the accelerators that torch can use here, best first; none without torch. Trainer's thread."""
    try:
        import torch
    except ImportError:
        return ()
    return tuple(name for name in ACCELERATORS if (room := getattr(torch, name, None)) and room.is_available())


def learning_speed(
    device: str, spec: NetworkSpec = TYPICAL_SPEC, batch_size: int = 64, on_cpu: LearnSteps = learn_steps
) -> float:
    """Learning steps per second on `device`, from the best of three short bursts after a warm-up. Trainer's thread.

    `on_cpu` is what would learn there. The first burst is also the trial step: RuntimeError where the device fails.
    """
    num_steps = 16
    rows = made_up_rows(spec, num_steps, batch_size)
    learner = Learner(spec, batch_size=batch_size, device=device, on_cpu=on_cpu)
    learner.learn_burst(rows)
    learner.learn_burst(rows)
    if learner.fault:
        raise RuntimeError(learner.fault)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        learner.learn_burst(rows)
        seconds.append(time.perf_counter() - start)
    return num_steps / min(seconds)


def configure_trainer_thread() -> bool:
    """Set the calling thread up for learning beside a game: a lower OS priority, and where they share one processor
    the class in which a thread that wakes up does not interrupt another one.

    Returns whether the priority could be lowered, which only Linux does for one thread.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(TRAINER_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
        if only_one() and os.sched_getscheduler(thread) == os.SCHED_OTHER:
            os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
    except OSError:  # a sandbox may forbid it; learning works without
        return False
    return True
