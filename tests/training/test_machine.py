"""The machine's figures from made-up sensors, and the reasons to rest."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from cornerman.training.machine import CALM_S, Limits, Machine, Reading, find_temperature_file
from tests.support.waiting import in_a_thread
from tests.support.windows import Clock


def put(root: Path, **files: str) -> None:
    """`hwmon0__name="k10temp"` becomes class/hwmon/hwmon0/name."""
    for name, text in files.items():
        folder, file = name.split("__")
        parent = "hwmon" if folder.startswith("hwmon") else "thermal"
        path = root / "class" / parent / folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")


K10 = {"hwmon1__name": "k10temp", "hwmon1__temp1_input": "45000", "hwmon1__temp1_label": "Tctl"}
DISK = {"hwmon0__name": "nvme", "hwmon0__temp1_input": "91000", "hwmon0__temp1_label": "Composite"}
CORE = {
    "hwmon2__name": "coretemp",
    "hwmon2__temp1_input": "61000",
    "hwmon2__temp1_label": "Core 0",
    "hwmon2__temp9_input": "62000",
    "hwmon2__temp9_label": "Package id 0",
}
PI = {"hwmon3__name": "cpu_thermal", "hwmon3__temp1_input": "51000"}
ZONES = {"thermal_zone0__type": "acpitz", "thermal_zone0__temp": "27800"}
SOC = {"thermal_zone1__type": "soc-thermal", "thermal_zone1__temp": "40000"}


@pytest.mark.parametrize(
    ("files", "degrees"),
    [
        ({**DISK, **K10}, 45.0),
        ({**DISK, **CORE, **K10, **ZONES}, 62.0),
        ({**DISK, **PI, **K10}, 51.0),
        ({**DISK, **ZONES, **SOC}, 40.0),
        ({**DISK, **ZONES}, 27.8),
        (DISK, None),
        ({}, None),
        ({**K10, "hwmon1__temp1_input": "-273200"}, None),
        ({**K10, "hwmon1__temp1_input": "hot", **ZONES}, 27.8),
        ({"hwmon2__name": "coretemp", "hwmon2__temp1_input": "61000", "hwmon2__temp1_label": "Core 0"}, None),
        ({"hwmon1__name": "k10temp", "hwmon1__temp2_input": "39000", "hwmon1__temp2_label": "Tdie"}, 39.0),
    ],
)
def test_temperature_reads_the_sensor_of_the_processor(
    tmp_path: Path, files: dict[str, str], degrees: float | None
) -> None:
    put(tmp_path, **files)
    file = find_temperature_file(tmp_path)
    assert (None if file is None else int(file.read_text("utf-8")) / 1000) == degrees
    assert Machine(sysfs=tmp_path).read()["temperature_c"] == degrees


def test_first_load_that_another_thread_reads_is_missing_and_not_zero() -> None:
    machine, loads = Machine(period_s=0.02), list[float | None]()

    def keep_busy() -> None:
        until = time.monotonic() + 0.5
        while time.monotonic() < until or len(loads) < 20:
            loads.append(machine.read()["cpu_percent"])

    in_a_thread(keep_busy)
    assert loads[0] is None
    assert 0.0 not in loads[: len(loads) // 2], "this very thread kept a processor busy"
    assert loads[-1] is not None


@pytest.mark.parametrize(
    ("word", "throttled", "under_voltage"),
    [
        ("0", 0.0, 0.0),
        ("50000", 0.0, 0.0),
        ("1", 0.0, 1.0),
        ("50005", 1.0, 1.0),
        ("8", 1.0, 0.0),
        ("?", None, None),
    ],
)
@pytest.mark.parametrize("firmware", ["soc/soc:firmware", "soc@107c000000/soc@107c000000:firmware"])
def test_throttling_is_read_on_a_raspberry_pi(
    tmp_path: Path, firmware: str, word: str, throttled: float | None, under_voltage: float | None
) -> None:
    folder = tmp_path / "devices" / "platform" / firmware
    folder.mkdir(parents=True)
    (folder / "get_throttled").write_text(word + "\n", encoding="utf-8")
    reading = Machine(sysfs=tmp_path).read()
    assert (reading["throttled"], reading["under_voltage"]) == (throttled, under_voltage)


def test_read_in_every_frame_asks_for_one_figure_per_period(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(name: str, answer: Any) -> None:
        def answered(*_: object) -> Any:
            asked.append(name)
            return answer

        monkeypatch.setattr(psutil, name, answered, raising=False)

    ask("cpu_percent", 12.5)
    ask("virtual_memory", SimpleNamespace(percent=40.0))
    ask("sensors_battery", SimpleNamespace(percent=80, power_plugged=False))
    clock = Clock()
    machine = Machine(period_s=0.25, sysfs=tmp_path, clock=clock)
    assert machine.read()["cpu_percent"] is None
    asked.clear()
    for _ in range(1000):
        machine.read()
    assert asked == []
    for _ in range(5):
        clock.now += 0.25
        machine.read()
        machine.read()
    assert sorted(asked) == ["cpu_percent", "sensors_battery", "virtual_memory"]
    reading = machine.read()
    assert reading.pop("memory_mb", None)
    assert reading.pop("own_cpu_percent", None) is not None
    assert reading == {
        "worker_mb": None,
        "cpu_percent": 12.5,
        "memory_percent": 40.0,
        "temperature_c": None,
        "battery_percent": 80.0,
        "on_battery": 1.0,
        "throttled": None,
        "under_voltage": None,
    }


@pytest.mark.parametrize(
    ("reading", "asked", "word"),
    [
        ({}, True, ""),
        ({"temperature_c": None, "memory_percent": None, "throttled": None, "on_battery": None}, True, ""),
        ({"throttled": 1.0, "under_voltage": 0.0}, False, "slows itself down to stay cool"),
        ({"throttled": 1.0, "under_voltage": 1.0}, False, "power supply is too weak"),
        ({"throttled": 0.0, "under_voltage": 1.0}, False, "power supply is too weak"),
        ({"memory_percent": 96.0}, False, "96% of the memory"),
        ({"memory_percent": 92.0}, False, ""),
        ({"on_battery": 1.0}, False, ""),
        ({"on_battery": 1.0}, True, "battery"),
        ({"on_battery": 0.0}, True, ""),
        ({"cpu_percent": 95.0, "own_cpu_percent": 5.0}, True, "Other programs"),
        ({"cpu_percent": 95.0, "own_cpu_percent": 5.0}, False, ""),
    ],
)
def test_reading_pauses_learning_as_the_settings_ask(reading: Reading, asked: bool, word: str) -> None:
    reason = Limits(rest_on_battery=asked, rest_when_busy=asked).rest_reason(reading)
    assert (word in reason) if word else (reason == "")


@pytest.mark.parametrize(
    "readings",
    [
        [{"temperature_c": 81.0, "memory_percent": 91.0}, {"temperature_c": 60.0, "memory_percent": 91.0}],
        [{"on_battery": 1.0, "temperature_c": 76.0}, {"on_battery": 0.0, "temperature_c": 76.0}],
        [{"temperature_c": 81.0}, {"temperature_c": None}],
    ],
)
def test_one_reason_to_pause_does_not_change_the_limit_of_another(readings: list[Reading]) -> None:
    limits = Limits(rest_on_battery=True)
    assert [bool(limits.rest_reason(reading)) for reading in readings] == [True, False]


def test_throttling_that_comes_and_goes_pauses_learning_until_it_has_stayed_away() -> None:
    clock = Clock()
    limits, reasons = Limits(clock=clock), []
    for throttled, under_voltage in ((0.0, 1.0), (1.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)):
        readings: Reading = {"throttled": throttled, "under_voltage": under_voltage, "temperature_c": 76.0}
        reasons.append(limits.rest_reason(readings))
        clock.now += 0.4 * CALM_S
    assert ["weak" in reason for reason in reasons] == [True, False, False, False, False]
    assert ["cool" in reason for reason in reasons] == [False, True, True, True, False]
    assert reasons[-1] == ""


@pytest.mark.parametrize(
    ("figure", "values", "rests", "unit"),
    [
        ("temperature_c", (70.0, 79.9, 80.0, 78.0, 75.0, 74.9, 79.0), (0, 0, 1, 1, 1, 0, 0), " C"),
        ("memory_percent", (94.0, 95.0, 91.0, 89.0, 94.0), (0, 1, 1, 0, 0), "%"),
    ],
)
def test_heat_and_memory_pause_learning_and_resume_at_a_lower_limit(
    figure: str, values: tuple[float, ...], rests: tuple[int, ...], unit: str
) -> None:
    limits = Limits()
    for value, rest in zip(values, rests, strict=True):
        reason = limits.rest_reason({figure: value})
        assert (f"{value:.0f}{unit}" in reason) if rest else (reason == "")


def test_missing_battery_and_removed_sensor_read_none_and_a_refused_figure_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, **K10)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)
    machine = Machine(period_s=0.0, sysfs=tmp_path)
    reading = machine.read()
    assert (reading["battery_percent"], reading["on_battery"], reading["temperature_c"]) == (None, None, 45.0)
    assert (reading["memory_mb"] or 0) > 10
    (tmp_path / "class/hwmon/hwmon1/temp1_input").unlink()
    monkeypatch.delattr(psutil, "sensors_battery")
    with monkeypatch.context() as patch:
        patch.delattr(psutil, "virtual_memory")
        reading = [machine.read() for _ in range(5)][-1]
        assert (reading["on_battery"], reading["temperature_c"], reading["memory_percent"]) == (None, None, None)
    reading = [machine.read() for _ in range(5)][-1]
    assert 0 < (reading["memory_percent"] or 0) <= 100


def test_time_of_the_worker_is_no_other_programs(tmp_path: Path) -> None:
    burner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        both = [Machine(period_s=0.0, sysfs=tmp_path, worker_pid=pid) for pid in (lambda: burner.pid, lambda: None)]
        for machine in both * 5:
            machine.read()
        time.sleep(0.5)
        with_worker, without = ([machine.read() for _ in range(5)][-1]["own_cpu_percent"] for machine in both)
        assert (with_worker or 0) > (without or 0) + 1.0
    finally:
        burner.kill()
        burner.wait()


def test_worker_that_has_ended_costs_its_own_figures_alone(tmp_path: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", ""])
    worker.wait()
    machine = Machine(period_s=0.0, sysfs=tmp_path, worker_pid=lambda: worker.pid)
    reading = [machine.read() for _ in range(10)][-1]
    assert reading["worker_mb"] is None
    for name in ("memory_mb", "memory_percent", "cpu_percent", "own_cpu_percent"):
        assert reading[name] is not None, name
