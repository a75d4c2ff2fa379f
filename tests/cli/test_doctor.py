"""`cornerman doctor`: this machine, and one where something is missing."""

from __future__ import annotations

import json
import re
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest

from cornerman.cli import doctor
from cornerman.cli.learning_state import learning_lines
from cornerman.evaluation.verdict import Verdict
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.files.packages import importable
from cornerman.files.preferences import Preferences, write_preferences
from cornerman.files.quality_note import QualityNote
from cornerman.learning import compiled
from cornerman.learning import device as device_choice
from cornerman.learning.update import LearnSteps
from cornerman.models.history import History
from cornerman.policy.q_network import NetworkSpec
from cornerman.settings import Settings
from cornerman.training.resume import Progress
from tests.cli.conftest import Run
from tests.support.choosing import Choosing
from tests.support.raspberry_pi import put, raspberry_pi, vcgencmd
from tests.support.stored_versions import store_versions


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MEASURED_S", 0.06)


def sections(lines: list[str]) -> dict[str, list[str]]:
    """The indented lines under each heading."""
    found: dict[str, list[str]] = {}
    for line in lines[1:]:
        if line and not line.startswith(" "):
            found[line] = []
        elif line:
            found[list(found)[-1]].append(line.strip())
    return found


def test_every_section_is_there_and_says_something(tmp_path: Path) -> None:
    counts = {"recorded": 7, "rejected": {"mask": 2}, "clamped": {}, "examples": {"mask": "It allows nothing."}}
    QualityNote(tmp_path).write({**counts, "abandoned": 0, "not_as_chosen": 0})
    lines, healthy = doctor.examine("cpu", tmp_path)
    assert "2 x mask: It allows nothing." in sections(lines)["Recorded data"]
    assert healthy
    assert lines[0].startswith("Cornerman ")
    found = sections(lines)
    assert {"Packages", "Machine", "Device", "Playing", "Stored versions", "Learning"} <= found.keys()
    assert all(found.values())
    assert [line.split()[0] for line in found["Packages"]] == ["numpy", "psutil", "safetensors", "numba", "torch"]
    slow = [] if importable("numba") else ["CPU"]
    assert [line.split()[0] for line in found["Device"]] == ["chosen", "why", "settings", "timed", "cpu", *slow]
    assert found["Device"][0].split() == ["chosen", "cpu"]
    assert found["Device"][1].split(None, 1)[1] == "The settings ask for the CPU."
    assert re.fullmatch(r"cpu +[1-9]\d* learning steps a second", found["Device"][4])
    assert found["Stored versions"] == [f"none in {tmp_path}"]


def test_learning_is_told_from_what_a_data_folder_holds(tmp_path: Path) -> None:
    def told(**settings: Any) -> str:
        return "\n".join(learning_lines(tmp_path, Settings(**settings)))

    nothing = told(learning=False)
    assert "learning     off, by the settings" in nothing
    assert f"0 stored, with 0 decisions; learning begins at {Settings().warm:,}" in nothing
    assert "learned      nothing that was saved" in nothing
    assert "candidates   none was judged yet" in nothing
    write_preferences(tmp_path, Preferences(recording=True, learning=False))
    CheckpointFile(tmp_path).save({}, asdict(Progress(transitions={"player": 600, "scripted": 400})))
    with closing(History(tmp_path, lambda: 1e9)) as history:
        history.add_gate(Verdict(False, "Kept the champion: not better."), 0)
    line: dict[str, Any] = {"source": "game", "session": 10**9, "steps": 32, "rest": "the machine is busy"}
    lines = [line | {"at": 10.0, "steps_per_s": 90.0}, line | {"at": 20.0}, {"session": "x"}, line | {"session": 1e300}]
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "figures.jsonl").write_text("\n".join(json.dumps({"at": 1.0, **each}) for each in lines))
    there = told()
    for said in (
        "recording    on, by the panel's switch\nlearning     off, by the panel's switch",
        "from 1,000 decisions (600 of player, 400 of scripted)",
        "20 s; 32 learning steps by then, the last 2001-09-",
        "window       never open: call on_round_end or on_break",
        "rested       in 100% of it, last: the machine is busy",
        ": Kept the champion: not better. (1 turned down in all)",
    ):
        assert said in there
    assert "learning     off, by the setting safe_mode" in told(safe_mode=True)
    (tmp_path / "history.sqlite").write_bytes(b"ruined")
    assert "The history cannot be kept or read (the file is damaged)." in told()


def device(*arguments: Any) -> dict[str, str]:
    """What the doctor says of the device, by the word that each line begins with."""
    lines = sections(doctor.examine(*arguments)[0])["Device"]
    return {line.split()[0]: line.split(None, 1)[1] for line in lines}


Timed: TypeAlias = list[tuple[str, NetworkSpec, int]]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Timed:
    """What was timed instead of timing it; there is an "mps" that is slower than the CPU."""
    timed = Timed()

    def measure(device: str, spec: NetworkSpec, batch_size: int, on_cpu: LearnSteps) -> float:
        timed.append((device, spec, batch_size))
        return {"mps": 50.0, "cpu": 800.0}[device]

    monkeypatch.setattr(device_choice, "signs_of_accelerators", lambda: ("mps",))
    monkeypatch.setattr(device_choice, "found_accelerators", lambda: ("mps",))
    monkeypatch.setattr(device_choice, "learning_speed", measure)
    return timed


def test_what_learns_in_the_game_is_timed(tmp_path: Path, measured: Timed) -> None:
    (tmp_path / "settings.toml").write_text("hidden = [24, 12]\nbatch_size = 48\n")
    found = device("auto", tmp_path)
    assert measured == [("mps", NetworkSpec(64, 16, (24, 12)), 48), ("cpu", NetworkSpec(64, 16, (24, 12)), 48)]
    assert found["settings"] == str(tmp_path / "settings.toml")
    typical = "(sizes of a typical game, no version is stored)"
    assert found["timed"] == f"64 inputs, layers of 24 and 12, 16 actions {typical}, batch 48"
    assert found["why"].startswith("Measured 50 learning steps a second on mps, 800 on the CPU: learning runs on cpu")
    speeds = [found[name] for name in ("mps", "cpu")]
    assert (found["chosen"], speeds) == ("cpu", [f"{speed} learning steps a second" for speed in (50, 800)])


def test_the_games_sizes_are_those_of_the_newest_version_that_loads(tmp_path: Path, measured: Timed) -> None:
    spec = store_versions(tmp_path, Choosing(), 3)
    (tmp_path / "versions" / "000002" / "manifest.json").write_text("{}")
    (tmp_path / "settings.toml").write_text("hidden = [24]\nbatch_size = 48\n")
    found = device("cpu", tmp_path)
    assert sections(doctor.examine("cpu", tmp_path)[0])["Stored versions"][0].startswith(f"3 in {tmp_path}, the newest")
    assert set(measured) == {("cpu", spec, 48)}
    assert found["timed"].startswith(f"{spec.observation_size} inputs, layers of 8, 3 actions (as version 1)")


def test_the_players_device_is_taken_unless_another_is_asked_for(tmp_path: Path, measured: Timed) -> None:
    (tmp_path / "settings.toml").write_text('device = "mps"\n')
    assert (device("auto", tmp_path)["chosen"], device("cpu", tmp_path)["chosen"]) == ("mps", "cpu")
    assert device("auto", tmp_path)["why"] == "The settings ask for mps."
    (tmp_path / "settings.toml").write_text('device = "xpu"\n')
    found = device("auto", tmp_path)
    assert found["chosen"] == "cpu"
    assert "'xpu', which is not there (found: mps)" in found["why"]
    assert found["why"].endswith("Learning runs on the CPU.")
    assert doctor.examine("auto", tmp_path)[1], "it can learn"


@pytest.mark.parametrize("stored", [0, 3])
@pytest.mark.parametrize("wanted", ["auto", "onnxruntime", "hailo"])
def test_playing_backends_are_timed_with_the_weights_that_play(
    tmp_path: Path, wanted: str, stored: int, measured: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("onnxruntime", "hailo_platform"):
        monkeypatch.setitem(sys.modules, package, None)
    if stored:
        store_versions(tmp_path, Choosing(), stored)
    (tmp_path / "settings.toml").write_text(f'playing_backend = "{wanted}"\n')
    lines = sections(doctor.examine("cpu", tmp_path)[0])["Playing"]
    assert lines[0].split() == ["chosen", "numpy,", "by", "the", "setting", "playing_backend:", wanted]
    whose = "with the weights of version 0" if stored else "a typical game's, no version is stored"
    assert re.fullmatch(rf"timed +{whose}", lines[2]), "0 plays, whatever is newer"
    assert re.fullmatch(r"numpy +\d+ us", lines[3])
    assert re.fullmatch(r"onnxruntime +cannot: .*pip install .*onnxruntime", lines[4])
    assert re.match(r"hailo +cannot: .*hef-kit", lines[5])
    assert "not run on hardware" in lines[6]


def test_what_the_game_compiled_is_used_and_the_data_folder_left_as_it_was(
    tmp_path: Path, measured: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / compiled.FOLDER
    cache.mkdir()
    (cache / "code").write_text("by the game")

    def compile_more(folder: Path) -> compiled.CpuSteps:
        assert (folder / compiled.FOLDER / "code").read_text() == "by the game"
        (folder / compiled.FOLDER / "more").write_text("by the doctor")
        return compiled.CpuSteps()

    monkeypatch.setattr(compiled, "cpu_steps", compile_more)
    doctor.examine("cpu", tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["compiled", "compiled/code"]


def test_faulty_settings_are_told_and_left_out(tmp_path: Path, measured: Timed) -> None:
    (tmp_path / "settings.toml").write_text("batch_sise = 48\n")
    found = device("auto", tmp_path)
    assert "Did you mean batch_size?" in found["settings"]
    assert found["settings"].endswith("Nothing of it is used.")
    assert found["timed"].endswith("batch 64")
    assert device("auto", tmp_path / "none")["settings"] == f"none in {tmp_path / 'none'}, so the defaults"


@pytest.mark.parametrize(("package", "needed"), [("numba", False), ("torch", False), ("psutil", True)])
def test_what_is_missing_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, needed: bool
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    lines, healthy = doctor.examine("cpu", tmp_path)
    assert healthy is not needed
    assert any(f"pip install {package}" in line for line in lines)
    assert (lines[-1] == "It cannot play until these are installed.") is needed
    assert ("Device" in lines) is not needed


@pytest.mark.parametrize(("name", "reason"), [("abacus", "is not known"), ("xpu", "is not there")])
def test_a_device_that_was_asked_for_and_does_not_exist_is_a_sentence_and_status_1(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, reason: str
) -> None:
    monkeypatch.setattr(device_choice, "found_accelerators", lambda: ())
    status, out, _ = run("doctor", "--device", "cpu", "--data", tmp_path)
    assert (status, "Stored versions" in out) == (0, True)
    status, out, _ = run("doctor", "--device", name, "--data", tmp_path)
    assert status == 1
    (line,) = sections(out.splitlines())["Device"]
    assert repr(name) in line
    assert reason in line


def pi_lines(root: Path, data: Path) -> list[str]:
    return sections(doctor.examine("cpu", data, root)[0])["Raspberry Pi"]


def test_raspberry_pi_is_recognised_with_its_power_heat_and_profile(tmp_path: Path) -> None:
    assert "Raspberry Pi" not in doctor.examine("cpu", tmp_path, tmp_path / "none")[0]
    root = raspberry_pi(tmp_path / "root", memory_mb=906, throttled="50005\n")
    put(root, sys__class__thermal__thermal_zone0__type="cpu-thermal", sys__class__thermal__thermal_zone0__temp="61000")
    found = sections(doctor.examine("cpu", tmp_path, root)[0])
    assert "temperature  61 C" in found["Machine"]
    assert found["Raspberry Pi"][:6] == [
        "model        Raspberry Pi 4 Model B Rev 1.4",
        "memory       0.9 GB",
        "profile      pi for 1 GB: duty_cycle 0.25, replay_capacity 5000, practice_capacity 10000, idle_practice 1000",
        "throttling   now: under-voltage, throttled; since the start: under-voltage, throttled",
        "power        too weak: use the power supply made for this model, and a short cable",
        "HAT          none that says so",
    ]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("throttled=0x20000", "throttling   now: none; since the start: frequency capped"),
        ("VCHI initialization failed", "throttling   now: not available; since the start: not available"),
        (None, "throttling   now: not available; since the start: not available"),
    ],
)
def test_firmware_is_asked_by_vcgencmd_where_the_kernel_does_not_tell(
    tmp_path: Path, answer: str | None, line: str
) -> None:
    root = raspberry_pi(tmp_path / "root", throttled=None)
    if answer is not None:
        vcgencmd(root, answer)
    assert line in pi_lines(root, tmp_path)


def test_hailo_chip_is_named_with_what_it_still_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = put(raspberry_pi(tmp_path / "root"), **{"sys__bus__pci__devices__0001:01:00.0__vendor": "0x1e60\n"})
    lines = pi_lines(root, tmp_path)
    assert "Hailo        on the bus, without its driver:" in lines
    assert "sudo apt install hailo-all (AI HAT+ 2: hailo-h10-all), then restart" in lines
    put(root, dev__hailo0="")
    assert "Hailo        there with its driver, but this Python has no hailo_platform:" in pi_lines(root, tmp_path)
    monkeypatch.setitem(sys.modules, "hailo_platform", ModuleType("hailo_platform"))
    assert "Hailo        there with its driver, hailo_platform of an unknown version" in pi_lines(root, tmp_path)


@pytest.mark.parametrize("prefix", [sys.base_prefix, sys.base_prefix + "/venv"])
def test_lines_to_install_name_what_is_missing_and_never_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    root = raspberry_pi(tmp_path / "root")
    for package in ("psutil", "numba", "torch"):
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(sys, "prefix", prefix)
    lines, healthy = doctor.examine("cpu", tmp_path, root)
    assert not healthy
    assert not any("torch" in line for line in lines)
    if prefix == sys.base_prefix:
        assert lines[-4:-2] == [
            "  to install   python3 -m venv ~/cornerman",
            "               ~/cornerman/bin/pip install psutil numba",
        ]
    else:
        assert lines[-3] == f"  to install   {sys.executable} -m pip install psutil numba"
