"""Playing backends: one contract for numpy, onnxruntime and Hailo (a stand-in: not run on hardware); choice, hot swap,
and what fails is left for numpy in the same decision with one message."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
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
from cornerman.policy.q_network import NetworkSpec
from tests.support import hailo_stand_in
from tests.support.hailo_stand_in import Hardware, compile_hef
from tests.support.opinions import opinion
from tests.support.waiting import wait_for

SPEC = NetworkSpec(6, 5, (12, 8))


def policy_of(seed: int = 0, spec: NetworkSpec = SPEC) -> Policy:
    return Policy(spec, opinion(spec, seed), seed)


def observations(count: int = 50) -> Floats:
    return np.random.default_rng(1).normal(size=(count, SPEC.observation_size)).astype(np.float32)


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


class Game:
    """What a running game gives the backends, and what they tell it."""

    def __init__(self, wanted: str, build: dict[str, Build], policy: Policy | None = None) -> None:
        self.said: list[str] = []
        self.figures: dict[str, Any] = {}
        self.policy = policy or policy_of()
        self.backends = PlayingBackends(wanted, self.policy, build, self.said.append, self.figures.update)

    def decide(self, policy: Policy | None = None, count: int = 1) -> None:
        """Decisions as a game asks for them, each the policy's own."""
        policy, mask = policy or self.policy, np.array([True, False, True, True, True])
        for observation in observations(count):
            action = policy.act(observation, mask, np.random.default_rng(0), q_values=self.backends.of(policy))
            assert action == policy.act(observation, mask, np.random.default_rng(0))

    def built(self, policy: Policy) -> bool:
        return self.backends.of(policy) is not None


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
    game = Game("slow", {"slow": lasting(1e-4)})
    game.decide()
    assert (game.figures["backend"], game.said) == ("slow", [])


def test_numpy_builds_and_says_nothing() -> None:
    game = Game(NUMPY, {"other": refused})
    game.decide()
    assert (game.figures["backend"], game.said) == (NUMPY, [])


# -------------------------------------------------------------------------------------------------- hot swap, failures


def test_new_version_is_played_by_numpy_until_its_backend_is_built() -> None:
    go, threads = threading.Event(), list[str]()

    def build(policy: Policy) -> QValues:
        threads.append(threading.current_thread().name)
        assert policy.version == 0 or go.wait(10.0)
        return policy.q_values

    game, newer = Game("other", {"other": build}), policy_of(1)
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

    game = Game("other", {"other": build})
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


def test_version_whose_backend_cannot_be_built_leaves_numpy_for_good(hardware: Hardware, tmp_path: Path) -> None:
    game, newer = Game("hailo", builders(tmp_path)), policy_of(1)
    (tmp_path / hef_name(newer)).write_bytes(b"damaged")
    game.decide(newer)
    wait_for(lambda: len(game.said) == 2)
    game.decide(newer, 3)
    game.decide(policy_of(2), 3)
    assert "Invalid HEF" in game.said[1]
    assert (game.figures["backend"], len(game.said)) == (NUMPY, 2)


def test_backends_of_old_versions_are_dropped() -> None:
    builds = list[int]()

    def build(policy: Policy) -> QValues:
        builds.append(policy.version)
        return policy.q_values

    game = Game("other", {"other": build})
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
    game = Game(wanted, builders(tmp_path))
    game.decide(count=3)
    game.decide(policy_of(1), count=3)
    assert game.figures["backend"] == NUMPY
    assert len(game.said) == 1
    assert game.said[0].startswith(f"Decisions are computed by numpy, not by {wanted}: ")


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
    game = Game("hailo", builders(tmp_path))
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
    game, newer, newest = Game("hailo", builders(tmp_path)), policy_of(1), policy_of(2)
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
    game = Game("hailo", builders(tmp_path))
    game.decide(count=2 * COMPARED)
    assert game.figures["backend"] == NUMPY
    assert len(game.said) == 1


def test_hef_is_believed_although_it_is_quantised(hardware: Hardware, tmp_path: Path) -> None:
    compile_hef(policy_of(), tmp_path / hef_name(policy_of()))
    hardware.noise = 0.02
    game = Game("hailo", builders(tmp_path))
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
    game = Game("hailo", builders(tmp_path))
    assert "HAILO_OUT_OF_PHYSICAL_DEVICES" in game.said[0]
    game.decide()


def test_missing_hef_is_told_before_the_package_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(NoHefError, match="hef-kit"):
        builders(tmp_path / "none")["hailo"](policy_of())


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


# ------------------------------------------------------------------------------------------------------- the stand-in


def test_stand_in_keeps_to_hailorts_rules(hardware: Hardware, tmp_path: Path) -> None:
    compile_hef(policy_of(), tmp_path / "x.hef")
    device = sys.modules["hailo_platform"].VDevice()
    model = device.create_infer_model(str(tmp_path / "x.hef"))
    network, values, row = model.configure(), np.zeros(5, np.float32), observations(1)[0]
    with pytest.raises(hailo_stand_in.HailoRTNotFoundException):
        network.run([network.create_bindings()], 100)
    network = model.configure()
    bindings = network.create_bindings()
    with pytest.raises(ValueError, match="writeable"):
        bindings.input().set_buffer(np.broadcast_to(row, row.shape))
    bindings.input().set_buffer(row)
    bindings.output().set_buffer(values)
    with pytest.raises(hailo_stand_in.HailoRTInvalidOperationException):
        network.run([bindings], 100)  # the streams are uint8 unless told otherwise
    with pytest.raises(hailo_stand_in.HailoRTException, match="aborted"):
        network.run([bindings], 100)
    for stream in (model.input(), model.output()):
        stream.set_format_type(np.float32)
    network = model.configure()
    network.run([bindings], 100)
    assert np.abs(values - policy_of().q_values(row)).max() <= 1e-5
    values[:] = 0.0
    network.run([bindings], 100)
    assert not values.any(), "used bindings point elsewhere"
    hardware.present = False
    network.run([bindings], 100)  # silent: only a callback hears of it
    with pytest.raises(hailo_stand_in.HailoRTException, match="PHYSICAL"):
        sys.modules["hailo_platform"].VDevice()
