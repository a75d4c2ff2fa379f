"""Machine: load, memory, temperature and battery, and when learning should rest because of them.

Every figure may be missing: psutil is another project's, and what it reads may be hidden, as /proc in a sandbox.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from threading import get_ident
from typing import Any

from cornerman.edge.raspberry_pi import files_like, parse_throttling, text_of, throttling_file

log = logging.getLogger("cornerman")

PAUSE_C, RESUME_C = 80.0, 75.0
PAUSE_MEMORY_PERCENT, RESUME_MEMORY_PERCENT = 95.0, 90.0
BUSY_PERCENT, CALM_PERCENT = 85.0, 70.0
"""Share of the machine that other programs use, from which on learning rests beside a game that draws, and below which
it goes on: a trainer that is not let run keeps the interpreter, and with it the game."""
CALM_S = 10.0  # without throttling, before learning goes on

Reading = dict[str, float | None]


class Machine:
    """Load, memory, temperature and battery; cheap enough for every frame: one figure is renewed per `period_s`.

    So no call does more than one short system call's work. Any thread may call `read`, one at a time.
    """

    def __init__(
        self,
        period_s: float = 0.25,
        sysfs: Path = Path("/sys"),
        clock: Callable[[], float] = time.monotonic,
        worker_pid: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`worker_pid` gives the worker's process, whose time is the plugin's own; None: there is none."""
        self._psutil: Any = None
        self._process: Any = None
        self._read_by = get_ident()
        self._worker_pid, self._worker = worker_pid, None  # type: tuple[Callable[[], int | None], Any]
        try:
            import psutil

            self._psutil, self._process = psutil, psutil.Process()
        except Exception as error:  # noqa: BLE001 - psutil may raise anything; without it there are fewer figures
            log.warning("psutil cannot be used, so some figures of the machine are missing (%r)", error)
        self._period_s, self._clock = period_s, clock
        self._temperature_file = find_temperature_file(sysfs)
        self._throttling_file = throttling_file(sysfs)
        self._sources: tuple[tuple[Callable[[], Reading], tuple[str, ...]], ...] = (
            (self._temperature, ("temperature_c",)),
            (self._memory, ("memory_mb", "memory_percent", "worker_mb")),
            (self._throttling, ("throttled", "under_voltage")),
            (self._battery, ("battery_percent", "on_battery")),
            (self._cpu, ("cpu_percent", "own_cpu_percent")),
        )
        self._reading: Reading = {name: None for _, names in self._sources for name in names}
        self._next = 0
        for _ in self._sources:  # CPU load is measured since the previous call, so the first reading is meaningless
            self._renew()
        self._reading |= {"cpu_percent": None, "own_cpu_percent": None}
        self._due = clock() + period_s

    def read(self) -> Reading:
        """The newest figures, a copy; None where the machine does not give one.

        cpu_percent: of the whole machine; own_cpu_percent: the part of it that is this process and the worker;
        memory_mb: of this process; worker_mb: of the worker's; memory_percent: in use on the whole machine;
        on_battery, throttled, under_voltage: 1.0 or 0.0.
        """
        now = self._clock()
        if now >= self._due:
            self._due = now + self._period_s
            self._renew()
        return dict(self._reading)

    def _renew(self) -> None:
        """Read the next source; a figure that it does not give is None."""
        source, names = self._sources[self._next]
        self._next = (self._next + 1) % len(self._sources)
        try:
            given = source()
        except Exception:  # noqa: BLE001 - a sandbox, or a driver that answers nonsense: psutil may raise anything
            given = {}
        self._reading |= {name: _plausible(given.get(name)) for name in names}

    def _cpu(self) -> Reading:
        own = self._process.cpu_percent() + (self._of_worker(lambda worker: worker.cpu_percent()) or 0.0)
        busy, thread, before = self._psutil.cpu_percent(), get_ident(), self._read_by
        self._read_by = thread
        return {
            "cpu_percent": busy if thread == before else None,  # psutil's is since this thread's call before, or 0
            "own_cpu_percent": own / (self._psutil.cpu_count() or 1),
        }

    def _of_worker(self, read: Callable[[Any], float]) -> float | None:
        """What `read` gives for psutil's object of the worker's process; None: it has none of its own, or it ended."""
        pid = self._worker_pid()
        if pid is None or pid == self._process.pid:
            return None
        try:
            if self._worker is None or self._worker.pid != pid:
                self._worker = self._psutil.Process(pid)
            return read(self._worker)
        except self._psutil.Error:
            return None

    def _memory(self) -> Reading:
        return {
            "memory_percent": self._psutil.virtual_memory().percent,
            "memory_mb": self._process.memory_info().rss / 2**20,
            "worker_mb": self._of_worker(lambda worker: worker.memory_info().rss / 2**20),
        }

    def _temperature(self) -> Reading:
        return {"temperature_c": _celsius(self._temperature_file) if self._temperature_file else None}

    def _battery(self) -> Reading:
        ask: Callable[[], Any] = getattr(self._psutil, "sensors_battery", lambda: None)
        if (battery := ask()) is None:
            return {}
        plugged = battery.power_plugged
        return {"battery_percent": battery.percent, "on_battery": None if plugged is None else float(not plugged)}

    def _throttling(self) -> Reading:
        """Whether the firmware of a Raspberry Pi slows it down now, and whether its power supply is too weak now."""
        found = parse_throttling(text_of(self._throttling_file)) if self._throttling_file else None
        if found is None:
            return {}
        return {"throttled": float(found.slowed), "under_voltage": float(found.under_voltage)}


def find_temperature_file(sysfs: Path) -> Path | None:
    """The file that holds the processor's temperature in thousandths of a degree, or None; never another sensor's."""
    sensors = [(text_of(folder / "name"), folder) for folder in files_like(sysfs, "class/hwmon/hwmon*")]
    for wanted, labels in (("cpu_thermal", ("",)), ("coretemp", ("Package id",)), ("k10temp", ("Tctl", "Tdie"))):
        for folder in (folder for name, folder in sensors if name == wanted):
            inputs = list(files_like(folder, "temp*_input"))
            for label in labels:
                for file in inputs:
                    text = text_of(file.with_name(file.name.replace("_input", "_label")))
                    if text.startswith(label) and _celsius(file) is not None:
                        return file
    zones = [(text_of(zone / "type"), zone / "temp") for zone in files_like(sysfs, "class/thermal/thermal_zone*")]
    for part in ("x86_pkg_temp", "cpu", "soc", "acpitz"):
        for kind, file in zones:
            if part in kind and _celsius(file) is not None:
                return file
    return None


class Limits:
    """Reasons to rest. Heat, memory and other programs each have a limit to rest at and a lower one to resume at; after
    throttling it rests some seconds longer, since the flags come and go with the load."""

    def __init__(
        self,
        rest_on_battery: bool = False,
        rest_when_busy: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Both as in the settings."""
        self._rest_on_battery, self._rest_when_busy, self._clock = rest_on_battery, rest_when_busy, clock
        self._hot = self._full = self._busy = False
        self._slowed, self._slowed_until = "", 0.0

    def rest_reason(self, reading: Mapping[str, float | None], draws: bool = True) -> str:
        """Why to rest, or "" where learning may go on; a missing figure is no reason. `draws`: the game draws frames,
        which nothing may hold up."""
        cpu, own = reading.get("cpu_percent"), reading.get("own_cpu_percent")
        if cpu is not None and own is not None:
            self._busy = cpu - own >= (CALM_PERCENT if self._busy else BUSY_PERCENT)
        temperature, memory = reading.get("temperature_c"), reading.get("memory_percent")
        self._hot = temperature is not None and temperature >= (RESUME_C if self._hot else PAUSE_C)
        self._full = memory is not None and memory >= (RESUME_MEMORY_PERCENT if self._full else PAUSE_MEMORY_PERCENT)
        slowed = self._slowed_down(reading)
        if self._hot:
            return f"The processor is at {temperature:.0f} C: learning rests until it is below {RESUME_C:.0f} C."
        if slowed:
            return slowed
        if self._full:
            below = f"{RESUME_MEMORY_PERCENT:.0f}%"
            return f"{memory:.0f}% of the memory is in use: learning rests until it is below {below}."
        if self._rest_on_battery and reading.get("on_battery"):
            return "The machine runs on its battery: learning rests, as the settings ask."
        if self._busy and draws and self._rest_when_busy:
            return "Other programs use the whole machine: learning rests until they are done, as the settings ask."
        return ""

    def _slowed_down(self, reading: Mapping[str, float | None]) -> str:
        """Why to rest because of what the firmware says of power and heat, now or a moment ago."""
        now = self._clock()
        if reading.get("under_voltage"):
            self._slowed = "The power supply is too weak (under-voltage): learning rests until it holds."
        elif reading.get("throttled"):
            self._slowed = "The machine slows itself down to stay cool: learning rests until it stops."
        else:
            return self._slowed if now < self._slowed_until else ""
        self._slowed_until = now + CALM_S
        return self._slowed


def _plausible(figure: object) -> float | None:
    """A finite number, or None."""
    return float(figure) if isinstance(figure, int | float) and isfinite(figure) else None


def _celsius(file: Path) -> float | None:
    """Degrees from a file of thousandths; None where it cannot be read or says what no running machine has."""
    try:
        degrees = int(file.read_text("ascii")) / 1000
    except (OSError, ValueError):
        return None
    return degrees if 0.0 < degrees < 150.0 else None
