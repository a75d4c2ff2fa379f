"""Playing with Hailo, on a stand-in (not run on hardware): which versions it plays, and what a failing device costs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cornerman.edge.backends import COMPARED, NUMPY, builders
from cornerman.edge.hailo_session import NoHefError
from cornerman.edge.hef_kit import hef_name
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from tests.support import hailo_stand_in
from tests.support.deciding import DecidingGame, observations, policy_of
from tests.support.hailo_stand_in import Hardware, compile_hef
from tests.support.waiting import wait_for


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch) -> Hardware:
    return hailo_stand_in.install(monkeypatch)


def pull_out(hardware: Hardware) -> None:
    hardware.present = False


def hang(hardware: Hardware) -> None:
    hardware.hangs = True


def give_no_numbers(hardware: Hardware) -> None:
    hardware.noise = float("nan")


@pytest.mark.parametrize("fault", [pull_out, hang, give_no_numbers])
def test_device_that_fails_in_mid_battle_costs_one_message(
    fault: Callable[[Hardware], None], hardware: Hardware, tmp_path: Path
) -> None:
    compile_hef(policy_of(), tmp_path / f"mine_{hef_name(policy_of())}")
    game = DecidingGame("hailo", builders(tmp_path))
    game.decide(count=COMPARED + 5)
    assert (game.figures["backend"], game.said) == ("hailo", [])
    fault(hardware)
    jobs = hardware.jobs
    game.decide(count=5)
    game.decide(policy_of(1), count=5)
    assert game.figures["backend"] == NUMPY
    assert hardware.jobs == jobs + 1
    assert len(game.said) == 1
    assert game.figures["backend_why"].startswith("not by hailo: ")
    game.backends.close()


def test_hailo_plays_only_the_version_that_its_hef_was_compiled_from(hardware: Hardware, tmp_path: Path) -> None:
    game, newer, newest = DecidingGame("hailo", builders(tmp_path)), policy_of(1), policy_of(2)
    assert len(game.said) == 1
    assert hef_name(game.policy) in game.said[0]
    compile_hef(newer, tmp_path / hef_name(newer))
    wait_for(lambda: game.built(newer))
    game.decide(newer, COMPARED + 5)
    assert game.figures["backend"] == "hailo"
    game.decide(newest, 3)
    wait_for(lambda: hef_name(newest) in game.figures["backend_why"])
    assert game.figures["backend"] == NUMPY
    assert len(game.said) == 1
    assert hardware.opened == 1
    game.backends.close()


@pytest.mark.parametrize(
    "content", [policy_of(3), policy_of(0, NetworkSpec(6, 4)), policy_of(0, NetworkSpec(7, 5)), None]
)
def test_hef_of_something_else_is_not_believed(content: Policy | None, hardware: Hardware, tmp_path: Path) -> None:
    path = tmp_path / hef_name(policy_of())
    path.write_bytes(b"damaged")
    if content is not None:
        compile_hef(content, path)
    game = DecidingGame("hailo", builders(tmp_path))
    game.decide(count=2 * COMPARED)
    assert game.figures["backend"] == NUMPY
    assert len(game.said) == 1


def test_hef_is_believed_although_it_is_quantised(hardware: Hardware, tmp_path: Path) -> None:
    compile_hef(policy_of(), tmp_path / hef_name(policy_of()))
    hardware.noise = 0.02
    game = DecidingGame("hailo", builders(tmp_path))
    game.decide(count=2 * COMPARED)
    assert (game.figures["backend"], game.said) == ("hailo", [])


def test_hailo_is_refused_in_another_process(
    hardware: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_hef(policy_of(), tmp_path / hef_name(policy_of()))
    q_values = builders(tmp_path)["hailo"](policy_of())
    q_values(observations(1)[0])
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    with pytest.raises(RuntimeError, match="only by the process that opened it"):
        q_values(observations(1)[0])
    assert hardware.jobs == 1


def test_device_that_another_program_holds_leaves_numpy(hardware: Hardware, tmp_path: Path) -> None:
    compile_hef(policy_of(), tmp_path / hef_name(policy_of()))
    hardware.owner = "a camera"
    game = DecidingGame("hailo", builders(tmp_path))
    assert "HAILO_OUT_OF_PHYSICAL_DEVICES" in game.said[0]
    game.decide()


def test_missing_hef_is_reported_before_the_package_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(NoHefError, match="hef-kit"):
        builders(tmp_path / "none")["hailo"](policy_of())


def test_version_whose_backend_cannot_be_built_leaves_numpy_for_good(hardware: Hardware, tmp_path: Path) -> None:
    game, newer = DecidingGame("hailo", builders(tmp_path)), policy_of(1)
    (tmp_path / hef_name(newer)).write_bytes(b"damaged")
    game.decide(newer)
    wait_for(lambda: len(game.said) == 2)
    game.decide(newer, 3)
    game.decide(policy_of(2), 3)
    assert "Invalid HEF" in game.said[1]
    assert (game.figures["backend"], len(game.said)) == (NUMPY, 2)
