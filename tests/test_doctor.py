"""What the doctor says of this machine, and of one where something is missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from cornerman import doctor, hardware
from cornerman.__main__ import main
from tests.choosing import Choosing
from tests.table import Table


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MEASURED_S", 0.06)
    monkeypatch.setattr(hardware, "configure_trainer_thread", lambda: False)


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
    lines, healthy = doctor.examine("cpu", tmp_path)
    assert healthy
    assert lines[0].startswith("Cornerman ")
    found = sections(lines)
    assert {"Packages", "Machine", "Device", "Stored versions"} <= found.keys()
    assert all(found.values())
    assert [line.split()[0] for line in found["Packages"]] == ["numpy", "psutil", "safetensors", "torch"]
    assert found["Device"][0].split() == ["chosen", "cpu"]
    assert any("learning steps a second" in line for line in found["Device"])
    assert found["Stored versions"] == [f"none in {tmp_path}"]


def test_stored_versions_are_counted(tmp_path: Path) -> None:
    with Table(Choosing(), tmp_path, learning=False):
        pass
    assert sections(doctor.examine("cpu", tmp_path)[0])["Stored versions"] == [f"1 in {tmp_path}, the newest is 0"]


@pytest.mark.parametrize(("package", "cannot"), [("torch", "learn"), ("psutil", "play")])
def test_what_is_missing_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, cannot: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    lines, healthy = doctor.examine("cpu", tmp_path)
    assert not healthy
    assert any(f"pip install {package}" in line for line in lines)
    assert lines[-1] == f"It cannot {cannot} until these are installed."
    assert "Device" not in lines


def test_the_command_prints_it_all(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["doctor", "--device", "cpu", "--data", str(tmp_path)]) == 0
    assert "Stored versions" in capsys.readouterr().out


def test_a_device_that_does_not_exist_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["doctor", "--device", "abacus", "--data", str(tmp_path)]) in (0, 1)
    assert "abacus" in capsys.readouterr().out
