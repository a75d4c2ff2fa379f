"""Playing backends: one contract for numpy, onnxruntime and Hailo (a stand-in: not run on hardware); choice, hot swap,
and what fails is left for numpy in the same decision with one message; threads that build outlive no game."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.contract import Floats, ModelError
from cornerman.edge import backends
from cornerman.edge.backends import COMPARED, KEPT, NUMPY, Build, PlayingBackends, builders, choose
from cornerman.edge.hailo_session import NoHefError
from cornerman.edge.hef_kit import hef_name
from cornerman.policy.policy import Policy, QValues
from tests.support import hailo_stand_in
from tests.support.deciding import SPEC, DecidingGame, observations, policy_of
from tests.support.hailo_stand_in import Hardware, compile_hef
from tests.support.paths import ROOT
from tests.support.waiting import wait_for


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch) -> Hardware:
    return hailo_stand_in.install(monkeypatch)


@pytest.fixture(params=[NUMPY, "onnxruntime", "hailo"])
def backend(request: pytest.FixtureRequest, hardware: Hardware, tmp_path: Path) -> Callable[[Policy], QValues]:
    build = builders(tmp_path)
    if request.param == "onnxruntime":
        for package in ("onnx", "onnxruntime"):
            pytest.importorskip(package, reason="the extra onnx is not installed")

    def built(policy: Policy) -> QValues:
        compile_hef(policy, tmp_path / hef_name(policy))
        return policy.q_values if request.param == NUMPY else build[request.param](policy)

    return built


# ------------------------------------------------------------------------------------------------------- the contract


def test_backend_gives_the_policys_q_values(backend: Build) -> None:
    policy = policy_of()
    q_values = backend(policy)
    for observation in observations():
        values = q_values(observation)
        assert values.shape == (SPEC.num_actions,)
        assert values.dtype == np.float32
        assert np.abs(values - policy.q_values(observation)).max() <= 1e-5


def test_backend_takes_any_row_of_numbers_and_leaves_it_as_it_is(backend: Build) -> None:
    policy, row = policy_of(), observations(1)[0]
    q_values, expected = backend(policy), policy.q_values(row)
    frozen = row.copy()
    frozen.flags.writeable = False
    wide = np.zeros(2 * row.size, np.float32)
    wide[::2] = row
    for observation in (frozen, wide[::2], row.astype(np.float64)):
        before = observation.copy()
        assert np.abs(q_values(observation) - expected).max() <= 1e-5
        assert (observation == before).all()


def test_backends_of_two_policies_do_not_disturb_each_other(backend: Build) -> None:
    one, other, row = policy_of(1), policy_of(2), observations(1)[0]
    first, second = backend(one), backend(other)
    for policy, q_values in ((one, first), (other, second), (one, first)):
        assert np.abs(q_values(row) - policy.q_values(row)).max() <= 1e-5


def test_backend_refuses_another_observation_size(backend: Build) -> None:
    with pytest.raises(Exception, match=r"(?i)shape|size"):
        backend(policy_of())(np.zeros(SPEC.observation_size + 1, np.float32))


def test_backend_is_built_on_one_thread_and_called_on_another(backend: Build) -> None:
    policy, built = policy_of(), list[QValues]()
    thread = threading.Thread(target=lambda: built.append(backend(policy)))
    thread.start()
    thread.join()
    row = observations(1)[0]
    assert np.abs(built[0](row) - policy.q_values(row)).max() <= 1e-5


# --------------------------------------------------------------------------------------------------------- the choice


def lasting(seconds: float) -> Build:
    """Builds a backend that takes so long for a decision."""

    def build(policy: Policy) -> QValues:
        def q_values(observation: Floats) -> Floats:
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                pass
            return policy.q_values(observation)

        return q_values

    return build


def refused(policy: Policy) -> QValues:
    raise ModelError("there is no such device.")


def test_auto_tries_nothing_else_where_numpy_is_quick() -> None:
    def build(policy: Policy) -> QValues:
        raise AssertionError("it was tried")

    choice = choose("auto", policy_of(), {"other": build}, worth_it_us=1e6)
    assert (choice.name, choice.problems) == (NUMPY, {})
    assert "nothing else is tried" in choice.why


def quick(policy: Policy) -> QValues:
    values = np.zeros(policy.spec.num_actions, np.float32)
    return lambda observation: values


@pytest.mark.parametrize(
    ("build", "chosen"),
    [
        ({"slow": lasting(3e-4)}, NUMPY),
        ({"slow": lasting(3e-4), "quick": quick}, "quick"),
        ({"gone": refused, "quick": quick}, "quick"),
        ({"gone": refused}, NUMPY),
    ],
)
def test_auto_chooses_by_measured_latency_and_never_a_slower_one(build: dict[str, Build], chosen: str) -> None:
    choice = choose("auto", policy_of(), build, worth_it_us=0.0)
    assert choice.name == chosen
    assert set(choice.microseconds) == {NUMPY, *build} - {"gone"}
    assert choice.why.startswith("a decision takes ")


def test_chosen_backend_plays_although_it_is_slower() -> None:
    game = DecidingGame("slow", {"slow": lasting(1e-4)})
    game.decide()
    assert (game.figures["backend"], game.said) == ("slow", [])


def test_numpy_builds_and_says_nothing() -> None:
    game = DecidingGame(NUMPY, {"other": refused})
    game.decide()
    assert (game.figures["backend"], game.said) == (NUMPY, [])


# -------------------------------------------------------------------------------------------------- hot swap, failures


def test_new_version_is_played_by_numpy_until_its_backend_is_built() -> None:
    go, threads = threading.Event(), list[str]()

    def build(policy: Policy) -> QValues:
        threads.append(threading.current_thread().name)
        assert policy.version == 0 or go.wait(10.0)
        return policy.q_values

    game, newer = DecidingGame("other", {"other": build}), policy_of(1)
    game.decide()
    assert game.figures["backend"] == "other"
    game.decide(newer)
    assert game.figures["backend"] == NUMPY
    game.decide()
    assert game.figures["backend"] == "other", "the version before it keeps its own"
    go.set()
    wait_for(lambda: game.built(newer))
    game.decide(newer, 2 * COMPARED)
    assert game.figures["backend"] == "other"
    assert threads[-1] != threading.current_thread().name
    assert len(threads) == 2
    game.backends.close()
    game.decide(newer)


def test_start_does_not_wait_for_a_backend_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "LOADING_S", 0.05)
    go = threading.Event()

    def build(policy: Policy) -> QValues:
        assert go.wait(10.0)
        return policy.q_values

    game = DecidingGame("other", {"other": build})
    game.decide()
    assert not game.figures
    go.set()
    wait_for(lambda: game.built(game.policy))
    game.decide()
    assert game.figures["backend"] == "other"


def test_measuring_ends_in_time_however_slow_a_backend_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "MEASURED_S", 0.02)
    begun = time.perf_counter()
    choice = choose("slow", policy_of(), {"slow": lasting(0.01)})
    assert choice.microseconds["slow"] > 9_000
    assert time.perf_counter() - begun < 1.0


def test_backends_of_old_versions_are_dropped() -> None:
    builds = list[int]()

    def build(policy: Policy) -> QValues:
        builds.append(policy.version)
        return policy.q_values

    game = DecidingGame("other", {"other": build})
    for seed in range(1, KEPT + 1):
        policy = policy_of(seed)
        wait_for(lambda policy=policy: game.built(policy))  # type: ignore[misc]
    wait_for(lambda: game.built(game.policy))
    assert builds.count(0) == 2
    assert len(builds) == KEPT + 2


@pytest.mark.parametrize("wanted", ["onnxruntime", "hailo"])
def test_missing_package_leaves_numpy_with_one_message(
    wanted: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for package in ("onnx", "onnxruntime", "hailo_platform"):
        monkeypatch.setitem(sys.modules, package, None)
    compile_hef(policy_of(), tmp_path / hef_name(policy_of()))
    game = DecidingGame(wanted, builders(tmp_path))
    game.decide(count=3)
    game.decide(policy_of(1), count=3)
    assert game.figures["backend"] == NUMPY
    assert len(game.said) == 1
    assert game.said[0].startswith(f"Decisions are computed by numpy, not by {wanted}: ")


def test_numpy_and_auto_load_no_runtime() -> None:
    code = """
import sys, numpy as np
from pathlib import Path
from cornerman.edge.backends import PlayingBackends, builders
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
spec = NetworkSpec(6, 5)
policy = Policy(spec, draw(spec, np.random.default_rng(0)))
for wanted in ("numpy", "auto"):
    PlayingBackends(wanted, policy, builders(Path()), print, lambda **figures: None).of(policy)
assert not {"onnx", "onnxruntime", "hailo_platform"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ----------------------------------------------------------------------------------------------- threads that build


HANGS = """
import sys, time
from pathlib import Path
import cornerman.plugin
from cornerman.edge import backends
from tests.support.duel import Duel

backends.LOADING_S = 0.05
cornerman.plugin.builders = lambda folder: {"onnxruntime": lambda policy: time.sleep(60)}
plugin = cornerman.plugin.Cornerman()
plugin.on_load(Duel(), sys.argv[1], {"playing_backend": "onnxruntime", "learning": False, "worker": "off"})
print("loaded", flush=True)
plugin.on_quit()
sys.exit(3)
"""


def test_process_ends_with_the_game_although_building_a_backend_hangs(tmp_path: Path) -> None:
    began = time.monotonic()
    game = subprocess.run(
        [sys.executable, "-c", HANGS, str(tmp_path)],
        capture_output=True, text=True, timeout=50, check=False, cwd=ROOT,
    )  # fmt: skip
    assert game.stdout.splitlines() == ["loaded"], game.stderr
    assert "Traceback" not in game.stderr
    assert time.monotonic() - began < 30.0, "it waited for the minute that the backend takes"


def test_system_that_starts_no_thread_costs_the_backend_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: Any) -> None:
        raise RuntimeError("can't start new thread")

    said: list[str] = []
    monkeypatch.setattr("threading.Thread.start", refuse)
    assert PlayingBackends("numpy", policy_of(), {}, said.append, {}.update).of(policy_of()) is None
    assert said == []
    monkeypatch.undo()
    playing = PlayingBackends("other", policy_of(), {"other": lambda policy: policy.q_values}, said.append, {}.update)
    monkeypatch.setattr("threading.Thread.start", refuse)
    assert playing.of(policy_of(1)) is None
    assert said == ["Decisions are computed by numpy, not by other: can't start new thread."]


def test_choice_that_is_made_after_the_end_builds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "LOADING_S", 0.0)
    closed, threads, figures = threading.Event(), list[threading.Thread](), dict[str, Any]()

    def build(policy: Policy) -> QValues:
        assert closed.wait(10.0)
        return policy.q_values

    playing = PlayingBackends("other", policy_of(), {"other": build}, print, figures.update, threads.append)
    playing.close()
    closed.set()
    [chooser] = threads
    chooser.join(10.0)
    assert playing.of(policy_of(1)) is None
    assert (len(threads), figures) == (1, {})


def test_versions_that_no_backend_can_play_are_not_kept_for_good() -> None:
    def build(policy: Policy) -> QValues:
        raise NoHefError("no file for it.")

    builds: dict[str, Build] = {"hailo": build}
    playing = PlayingBackends("hailo", policy_of(), builds, lambda sentence: None, {}.update)
    seen = []
    for version in range(KEPT + 3):
        policy = policy_of(version)
        playing.of(policy)
        seen.append(weakref.ref(policy))
    del policy

    def left() -> int:
        gc.collect()
        return sum(each() is not None for each in seen)

    wait_for(lambda: left() <= KEPT)
