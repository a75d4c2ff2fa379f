"""A Raspberry Pi from made-up files: which machine it is, what its firmware says, and which settings fit."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from cornerman.edge.raspberry_pi import (
    PROFILES,
    hailo,
    hat,
    memory_gb,
    model,
    parse_throttling,
    profile_size,
    profile_values,
)
from cornerman.settings import Settings, with_values
from tests.support.paths import ROOT
from tests.support.raspberry_pi import put, raspberry_pi


def test_model_and_memory_are_read_and_another_machine_has_neither(tmp_path: Path) -> None:
    root = raspberry_pi(tmp_path / "pi", memory_mb=3792)
    assert model(root) == "Raspberry Pi 4 Model B Rev 1.4"
    assert memory_gb(root) == pytest.approx(3792 / 1024)
    assert (model(tmp_path / "none"), memory_gb(tmp_path / "none")) == ("", None)
    other = put(
        tmp_path / "other", **{"proc__device-tree__model": "Radxa ROCK 5B\0"}, proc__meminfo="MemTotal: many kB\n"
    )
    assert (model(other), memory_gb(other)) == ("", None)


@pytest.mark.parametrize(("memory_mb", "size"), [(426, 1), (906, 1), (1849, 2), (3792, 4), (7809, 8), (16_222, 8)])
def test_profile_is_that_of_the_memory_that_kernel_and_firmware_left(tmp_path: Path, memory_mb: int, size: int) -> None:
    root = raspberry_pi(tmp_path, memory_mb)
    assert profile_size(root) == size
    assert profile_values("auto", root) == profile_values("pi", root) == PROFILES[size]
    assert profile_values("desktop", root) == {}


def test_profile_auto_changes_nothing_on_another_machine_and_pi_without_a_known_memory_is_the_smallest(
    tmp_path: Path,
) -> None:
    assert profile_values("auto", tmp_path) == {}
    assert profile_values("pi", tmp_path) == PROFILES[1]


def test_every_profile_is_made_of_settings_and_more_memory_never_means_less() -> None:
    taken = [with_values(Settings(), values, "here") for _, values in sorted(PROFILES.items())]
    for less, more in zip(taken, [*taken[1:], Settings()], strict=True):
        for name in {name for values in PROFILES.values() for name in values}:
            assert getattr(less, name) <= getattr(more, name), name


def test_profiles_are_documented() -> None:
    page = (ROOT / "docs" / "edge.md").read_text("utf-8")
    names = re.findall(r"`(\w+)`", page[page.index("| memory |") :].splitlines()[0])
    rows = re.findall(r"^\| (\d+) GB.*?\|(.*)\|$", page, re.MULTILINE)
    documented = {
        int(size): {name: float(cell) for name, cell in zip(names, cells.split("|"), strict=True) if cell.strip()}
        for size, cells in rows
    }
    assert documented == PROFILES


@pytest.mark.parametrize(
    ("text", "now", "since"),
    [
        ("0\n", [], []),
        ("throttled=0x50005\n", ["under-voltage", "throttled"], ["under-voltage", "throttled"]),
        (
            "e0008\n",
            ["at its soft temperature limit"],
            ["frequency capped", "throttled", "at its soft temperature limit"],
        ),
        ("20000", [], ["frequency capped"]),
    ],
)
def test_word_of_the_firmware_is_taken_apart(text: str, now: list[str], since: list[str]) -> None:
    word = parse_throttling(text)
    assert word is not None
    assert (word.flags(), word.flags(since_start=True)) == (now, since)
    assert word.under_voltage is ("under-voltage" in now)
    assert word.slowed is bool(set(now) - {"under-voltage"})


@pytest.mark.parametrize("text", ["", "?", "throttled=", 'error=1 error_msg="Command not registered"'])
def test_anything_else_is_no_word_of_the_firmware(text: str) -> None:
    assert parse_throttling(text) is None


def test_hat_and_hailo_chip_are_found(tmp_path: Path) -> None:
    assert (hat(tmp_path), hailo(tmp_path)) == ("", (False, False))
    tree = {"proc__device-tree__hat__vendor": "Raspberry Pi Ltd\0", "proc__device-tree__hat__product": "AI HAT\0"}
    put(tmp_path, **tree, **{"sys__bus__pci__devices__0001:01:00.0__vendor": "0x1e60\n"})
    assert (hat(tmp_path), hailo(tmp_path)) == ("Raspberry Pi Ltd AI HAT", (True, False))
    put(tmp_path, dev__hailo0="")
    assert hailo(tmp_path) == (True, True)


@pytest.mark.parametrize(
    ("processor", "torch"), [("aarch64", False), ("x86_64", True), ("arm64", True), ("AMD64", True)]
)
def test_what_make_play_and_make_test_install_has_no_torch_on_64_bit_arm_under_linux(
    processor: str, torch: bool
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (extras,) = re.findall(r'\$\(INSTALL\) "\.\[(game.*)\]"', (ROOT / "Makefile").read_text("utf-8"))
    wanted, names = [f"cornerman[{extras}]"], set[str]()
    while wanted:
        requirement = Requirement(wanted.pop())
        if requirement.marker is None or requirement.marker.evaluate({"platform_machine": processor}):
            names.add(requirement.name)
            for extra in requirement.extras:
                wanted += project["optional-dependencies"][extra]
    assert {"cornerman", "pygame", "numba", "pytest"} <= names
    assert ("torch" in names) == torch
