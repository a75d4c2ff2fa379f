"""Kind 12: what a game sets for its whole process: torch's defaults, numpy's errors and printing, warnings, seeds.

Learning and playing come to the same, bit for bit, and leave the defaults and the global generators as they were.
"""

from __future__ import annotations

import importlib
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.learning.learner import Learner
from cornerman.learning.update import Rates
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from tests.support.choosing import Choosing
from tests.support.learning import WAYS, noise, on_cpu
from tests.support.table import Table

SPEC = NetworkSpec(6, 5, (16, 16))


def numpy_raises() -> None:
    np.seterr(all="raise")


def numpy_prints_little() -> None:
    np.set_printoptions(precision=1, threshold=2, legacy="1.13")


def warnings_are_errors() -> None:
    warnings.simplefilter("error")


def seeds_are_set() -> None:
    random.seed(4)
    np.random.seed(4)


def torch_is_of_double_precision() -> None:
    pytest.importorskip("torch").set_default_dtype(importlib.import_module("torch").float64)


def torch_has_another_device_and_no_gradients() -> None:
    torch = pytest.importorskip("torch")
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)


def torch_is_deterministic() -> None:
    torch = pytest.importorskip("torch")
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(4)


DEFAULTS = [
    numpy_raises,
    numpy_prints_little,
    warnings_are_errors,
    seeds_are_set,
    torch_is_of_double_precision,
    torch_has_another_device_and_no_gradients,
    torch_is_deterministic,
]


@pytest.fixture
def usual_defaults() -> Iterator[None]:
    """What a test sets for the process does not meet the next one."""
    errors, printing = np.geterr(), np.get_printoptions()
    with warnings.catch_warnings():
        yield
    np.seterr(**errors)
    np.set_printoptions(**printing)
    if torch := sys.modules.get("torch"):
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
        torch.set_grad_enabled(True)
        torch.use_deterministic_algorithms(False)


def session(folder: Path) -> tuple[Any, ...]:
    """What a session on the calling thread and a trainer's thread comes to."""
    with Table(Choosing(), folder, warmup_fraction=0.0) as table:
        table.play(60, settle=True)
        report = table.plugin.report()
        assert report["learner"]["failures"] == 0
        assert report["learner"]["steps"] > 0
        assert report["plugin"]["notice"] == ""
        assert table.rejected == {}
        slot = table.plugin.slot
        return table.versions, report["learner"]["steps"], report["learner"]["loss"], slot.champion.flat.tobytes()


def of_numpy() -> bytes:
    """The state of numpy's global generator."""
    state: Any = np.random.get_state(legacy=False)
    return bytes(state["state"]["key"].tobytes())


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    return session(tmp_path_factory.mktemp("usual"))


@pytest.mark.usefixtures("usual_defaults")
@pytest.mark.parametrize("default", DEFAULTS)
def test_a_session_comes_to_the_same_under_any_defaults(
    tmp_path: Path, expected: tuple[Any, ...], default: Callable[[], None]
) -> None:
    default()
    before = random.getstate(), of_numpy(), np.geterr()
    assert session(tmp_path) == expected
    assert (random.getstate(), of_numpy(), np.geterr()) == before


def small_numbers() -> tuple[Policy, np.ndarray[Any, Any]]:
    """A policy and observations whose products are too small for float32, and some too large."""
    flat = np.random.default_rng(0).normal(0.0, 1e-20, SPEC.num_parameters).astype(np.float32)
    return Policy(SPEC, flat), np.array([[1e-25] * 6, [3e38] * 6], np.float32)


@pytest.mark.usefixtures("usual_defaults")
def test_decisions_come_to_the_same_where_numpy_raises() -> None:
    policy, observations = small_numbers()
    masks = np.ones((2, 5), np.bool_)
    expected = [policy.act(row, masks[0], random.Random(1)) for row in observations]
    batch = policy.act_batch(observations, masks, np.random.default_rng(1)).tolist()
    np.seterr(all="raise")
    again, _ = small_numbers()
    assert [again.act(row, masks[0], random.Random(1)) for row in observations] == expected
    assert again.act_batch(observations, masks, np.random.default_rng(1)).tolist() == batch
    assert all(np.isnan(again.q_values(row)).any() == np.isnan(policy.q_values(row)).any() for row in observations)


@pytest.mark.usefixtures("usual_defaults")
@pytest.mark.parametrize("default", DEFAULTS)
@pytest.mark.parametrize("device", [*WAYS, "cpu in torch"])
def test_steps_come_to_the_same_under_any_defaults(
    device: str, default: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = noise(8 * 6, SPEC)
    rows.reward[::5] = 1e30

    def learned() -> tuple[Any, ...]:
        where: dict[str, Any] = {"on_cpu": on_cpu(device)} if device in WAYS else {"device": "xpu"}
        learner = Learner(SPEC, batch_size=8, rates=Rates(0.01), seed=3, **where)
        result = learner.learn_burst(rows)
        assert learner.fault == ""
        return result, learner.snapshot().tobytes()

    if device not in WAYS:
        pytest.importorskip("torch")
        importlib.import_module("tests.support.accelerator").Accelerator(monkeypatch)
    expected = learned()
    default()
    assert learned() == expected
    results = list[Any]()
    thread = threading.Thread(target=lambda: results.append(learned()))
    thread.start()
    thread.join()
    assert results == [expected]
