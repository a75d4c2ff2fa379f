"""Learning steps on the CPU, plain and compiled, in float64 against slow, obvious twins; kernels against loops."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornerman.learning import kernels, update, with_numba
from cornerman.learning.update import LearnSteps, Rates, Rows
from cornerman.policy import products
from cornerman.policy.q_network import NetworkSpec, split
from tests.support.learning import WAYS, head_bias, on_cpu, random_rows, random_weights, run, specs

SPEC = NetworkSpec(4, 3, (6, 5))


def naive_twin() -> Any:
    """The slow twins, which are written with torch."""
    pytest.importorskip("torch")
    return importlib.import_module("tests.support.naive_learning")


@pytest.fixture(params=WAYS)
def learn(request: pytest.FixtureRequest) -> LearnSteps:
    return on_cpu(request.param, "float64")


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(spec=specs, batch_size=st.integers(1, 9), seed=st.integers(0, 2**32 - 1), clip=st.sampled_from([0.3, 10.0]))
def test_steps_equal_autograd_and_torchs_adam(
    way: str, spec: NetworkSpec, batch_size: int, seed: int, clip: float
) -> None:
    """Random shapes and rows: terminal ones, one legal action, NaN where nobody may look."""
    random = np.random.default_rng(seed)
    rows, weights = random_rows(spec, 4, batch_size, random), random_weights(spec, random)
    twin, rates = weights.copy(), Rates(0.01, clip, 0.05)
    applied, dropped, loss, _, _ = run(on_cpu(way, "float64"), weights, spec, rows, rates)
    losses = naive_twin().naive_steps(twin, spec, rows, rates)
    assert (applied, dropped) == (4, 0)
    # Adam's first steps divide a gradient by its own size: where it is all but 0, rounding decides.
    np.testing.assert_allclose(weights[:2], twin[:2], rtol=1e-5, atol=1e-6)
    assert loss == pytest.approx(sum(losses), rel=1e-6)


def test_steps_go_on_from_the_moments_and_the_count_of_steps(learn: LearnSteps) -> None:
    random, rates = np.random.default_rng(4), Rates(0.01, 10.0, 0.05)
    rows, weights = random_rows(SPEC, 300, 4, random), random_weights(SPEC, random)
    twin = weights.copy()
    for first in range(0, 300, 50):
        run(learn, weights, SPEC, Rows(*(column[first : first + 50] for column in rows)), rates, first)
    naive_twin().naive_steps(twin, SPEC, rows, rates)
    np.testing.assert_allclose(weights[:2], twin[:2], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", with_numba.KERNELS)
def test_kernels_and_their_loops_take_the_same_arguments(name: str) -> None:
    plain, loop = getattr(update, name), getattr(kernels, name)
    assert list(inspect.signature(plain).parameters) == list(inspect.signature(loop).parameters)


@settings(max_examples=40, deadline=None)
@given(spec=specs, num_rows=st.integers(1, 5))
def test_views_of_the_compiled_step_are_those_of_the_plain_one(spec: NetworkSpec, num_rows: int) -> None:
    sizes, flat = update.sizes_of(spec), np.arange(spec.num_parameters)
    scratch = np.arange(update.scratch_size(spec, num_rows))
    for i in range(len(spec.hidden) + 1):
        plain = update.layer_at(update.layers_of(flat, sizes), i) + update.units_at(
            update.memory_of(scratch, sizes, num_rows), i
        )
        loop = kernels.layer_at(kernels.layers_of(flat, sizes), i) + kernels.units_at(
            kernels.memory_of(scratch, sizes, num_rows), i
        )
        for found, wanted in zip(loop, plain, strict=True):
            np.testing.assert_array_equal(found, wanted)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 13), inputs=st.integers(1, 13), units=st.integers(1, 13), seed=st.integers(0, 999))
def test_products_of_every_size_equal_numpys(rows: int, inputs: int, units: int, seed: int) -> None:
    """The loops go by tiles of 4 x 4, and what is left over is easily forgotten."""
    random = np.random.default_rng(seed)
    x, weight, bias, back = (random.normal(size=s) for s in ((rows, inputs), (inputs, units), (units,), (rows, units)))
    for name, arguments, results in (
        ("linear", (x, weight, bias), [(rows, units)]),
        ("linear_gradient", (x, back), [(inputs, units), (units,)]),
        ("linear_back", (back, weight), [(rows, inputs)]),
    ):
        wanted, found = ([np.full(shape, np.nan) for shape in results] for _ in range(2))
        getattr(update, name)(*arguments, *wanted)
        getattr(kernels, name)(*arguments, *found)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("way", [update, kernels])
def test_without_imitation_td_moves_the_rows_own_action_alone_to_the_bit(way: Any) -> None:
    random = np.random.default_rng(0)
    rows = random_rows(SPEC, 1, 64, random)
    rows.weight[:] = 0.0
    now, following, target = random.normal(size=(3, 64, 3))
    following[:], levels = 0.0, np.full(64, np.nan)
    wanted, each, action = np.zeros((64, 3)), np.arange(64), rows.action[0]
    best = rows.next_action_mask[0].argmax(1)
    bootstrap = np.where(rows.discount[0] != 0, rows.discount[0] * target[each, best], 0.0)
    wanted[each, action] = (now[each, action] - (rows.reward[0] + bootstrap)).clip(-1.0, 1.0) / 64
    way.td_gradient(rows, 0, now, following, target, levels)
    np.testing.assert_array_equal(now, wanted)
    weight, bias = np.full((5, 3), -0.0), np.full(3, -0.0)
    way.level_gradient(random.normal(size=(64, 5)), levels, np.empty(5), weight, bias)
    assert np.signbit(weight).all()
    assert np.signbit(bias).all()


def test_rewards_of_imitated_rows_reach_the_level_of_q_values_alone(learn: LearnSteps) -> None:
    """The gradient, which the first moment holds after one step, differs by the same for every action of the head."""
    changes = []
    for reward in (-0.5, 0.0):
        random = np.random.default_rng(7)
        rows, weights = random_rows(SPEC, 1, 16, random), random_weights(SPEC, random)
        rows.weight[0, 3], rows.reward[:], weights[2:] = 1.0, reward, 0.0
        run(learn, weights, SPEC, rows, Rates(0.01, 1e9, 0.1))
        changes.append(split(weights[2], SPEC))
    for name, _ in SPEC.arrays():
        change = changes[1][name] - changes[0][name]
        if name.startswith("head"):
            assert np.abs(change).max() > 1e-3
            change = change - change[..., :1]
        np.testing.assert_allclose(change, 0.0, atol=1e-12)


def test_steps_with_products_in_parts_equal_those_with_whole_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers have to be a hundred times as large before products are taken in parts."""
    random = np.random.default_rng(0)
    rows, whole = random_rows(SPEC, 1, 16, random), random_weights(SPEC, random)
    rows.weight[:] = np.abs(rows.weight)
    parts = whole.copy()
    run(update.learn_steps, whole, SPEC, rows, Rates())
    monkeypatch.setattr(products, "ON_ONE_THREAD", {1: 40, 2: 200})
    run(update.learn_steps, parts, SPEC, rows, Rates())
    np.testing.assert_allclose(parts[2:], whole[2:], rtol=1e-9, atol=1e-12)


def test_figures_are_loss_td_error_and_gradient_length(learn: LearnSteps) -> None:
    random = np.random.default_rng(5)
    rows, weights = random_rows(SPEC, 1, 8, random), random_weights(SPEC, random)
    naive, torch = naive_twin(), importlib.import_module("torch")
    flat, target = torch.from_numpy(weights[0].copy()).requires_grad_(), torch.from_numpy(weights[1].copy())
    loss, imitation = naive.naive_loss(flat, target, SPEC, rows, 0)
    (loss + imitation).backward()
    sums = run(learn, weights, SPEC, rows, Rates(0.01, 0.1, 0.01))
    assert sums[:2] == (1, 0)
    assert sums[2] == pytest.approx(float(loss.detach()), rel=1e-9)
    assert sums[4] == pytest.approx(float(flat.grad.norm()), rel=1e-9)
    # With no other difference between states, the TD error of a terminal row is its reward.
    ends = rows._replace(discount=np.zeros((1, 8)), reward=np.arange(-4.0, 4.0)[None])
    nothing = np.zeros_like(weights)
    assert run(learn, nothing, SPEC, ends, Rates())[2:4] == pytest.approx((1.5625, 2.0))


@pytest.mark.parametrize("poison", [np.nan, np.inf, -1e300])
def test_next_observation_of_a_terminal_row_changes_nothing(learn: LearnSteps, poison: float) -> None:
    results = []
    for value in (0.0, poison):
        rows = random_rows(SPEC, 3, 16, np.random.default_rng(9), value)
        weights = random_weights(SPEC, np.random.default_rng(10))
        results.append((run(learn, weights, SPEC, rows, Rates(0.01, 1.0, 0.1)), weights.tobytes()))
    assert results[0] == results[1]


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf, 1e300])
def test_illegal_actions_change_nothing(learn: LearnSteps, poison: float) -> None:
    """Action 2 is illegal in every state: its output may be anything."""
    results = []
    for value in (0.0, poison):
        rows = random_rows(SPEC, 3, 16, np.random.default_rng(9))
        rows.next_action_mask[:, :, 2] = False
        rows.action_mask[:] = [True, True, False]
        legal = rows.next_action_mask.any(-1)
        rows = rows._replace(action=rows.action % 2, discount=rows.discount * legal)
        weights = random_weights(SPEC, np.random.default_rng(10))
        for bias in head_bias(weights, SPEC, 2):
            bias[:] = value
        results.append((run(learn, weights, SPEC, rows, Rates(0.01, 1.0, 0.1)), weights[:2, :-1].tobytes()))
    assert results[0] == results[1]


def test_online_network_chooses_and_target_network_values(learn: LearnSteps) -> None:
    """Heads alone (no weight but the last bias): online prefers action 0, but only 1 and 2 are legal."""
    weights = np.zeros((4, SPEC.num_parameters))
    for action, (online, target) in enumerate(((9.0, -1.0), (5.0, 40.0), (1.0, 70.0))):
        first, second = head_bias(weights, SPEC, action)
        first[:], second[:] = online, target
    rows = random_rows(SPEC, 1, 1, np.random.default_rng(0), 0.0)._replace(
        action=np.array([[0]]),
        reward=np.array([[1.0]]),
        discount=np.array([[0.5]]),
        next_observation=np.zeros((1, 1, 4)),
        next_action_mask=np.array([[[False, True, True]]]),
    )
    assert run(learn, weights, SPEC, rows, Rates())[3] == pytest.approx(abs(9.0 - (1.0 + 0.5 * 40.0)))


@pytest.mark.parametrize("way", WAYS)
def test_moments_never_stay_denormal(way: str) -> None:
    """In float32 a moment below 1.2e-38 is denormal; parameters without a gradient come there in 80 and 4,000 steps."""
    rows = random_rows(SPEC, 200, 4, np.random.default_rng(1))
    rows.observation[:, :, 2] = 0.0  # a weight that is never used
    weights = random_weights(SPEC, np.random.default_rng(2)).astype(np.float32)
    weights[2], weights[3] = 1e-26, 1.1 * update.TINY
    run(on_cpu(way), weights, SPEC, rows, Rates())
    first, second = np.abs(weights[2]), weights[3]
    assert (first == 0.0).any()
    assert not ((first != 0.0) & (first < update.TINY * 0.999)).any()
    assert (second >= update.TINY * 0.999).all()
