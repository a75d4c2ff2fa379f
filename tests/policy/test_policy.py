"""The policy: the same Q-values as the network that learned, legal decisions, safe in many threads."""

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornerman.learning import update
from cornerman.policy.difficulty import ADAPTIVE, LEVEL_NAMES, LEVELS, Rung
from cornerman.policy.policy import CLEARLY_BAD, Policy
from cornerman.policy.q_network import NetworkSpec, draw, split
from cornerman.settings import NUM_LEVELS
from tests.support.opinions import valuing

SPEC = NetworkSpec(7, 5, (16, 12))

specs = st.builds(
    NetworkSpec,
    observation_size=st.integers(1, 20),
    num_actions=st.integers(1, 9),
    hidden=st.lists(st.integers(1, 40), max_size=3).map(tuple),
)


def random_flat(spec: NetworkSpec, seed: int) -> np.ndarray:
    """Parameters as learning leaves them: gains around 1, but some 0, negative or tiny; shifts and biases anywhere."""
    random = np.random.default_rng(seed)
    flat = draw(spec, random)
    for name, view in split(flat, spec).items():
        if name.endswith("gain"):
            view += random.normal(0.0, 0.3, view.shape).astype(np.float32)
            view[random.random(view.shape) < 0.2] = random.choice([0.0, -1.0, 1e-9, -1e-4])
        elif not name.endswith("weight"):
            view[:] = random.normal(0.0, 0.5, view.shape)
        elif name == "head.weight":
            view[:] = random.normal(0.0, 1.0, view.shape)
    return flat


def shares(policy: Policy, mask: list[bool], num_draws: int = 4000, **how: Any) -> list[float]:
    random = np.random.default_rng(0)
    chosen = [policy.act(np.zeros(1, np.float32), np.array(mask), random, **how) for _ in range(num_draws)]
    return [chosen.count(action) / num_draws for action in range(len(mask))]


@settings(max_examples=60, deadline=None)
@given(spec=specs, seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 1.0, 30.0]))
def test_q_values_equal_the_learners_forward_pass(spec: NetworkSpec, seed: int, scale: float) -> None:
    flat = random_flat(spec, seed)
    observations = np.random.default_rng(seed).normal(0.0, scale, (6, spec.observation_size)).astype(np.float32)
    sizes, expected = update.sizes_of(spec), np.empty((6, spec.num_actions))
    memory = update.memory_of(np.empty(update.scratch_size(spec, 6)), sizes, 6)
    layers = update.layers_of(flat.astype(np.float64), sizes)
    update.forward(layers, memory, sizes, observations.astype(np.float64), expected)
    policy = Policy(spec, flat)
    batch = policy.q_values_batch(observations)
    largest = max(1.0, float(np.abs(expected).max()))  # float32 errs in proportion to the terms of a sum
    np.testing.assert_allclose(batch, expected, rtol=2e-4, atol=2e-5 * largest)
    for i in range(6):
        np.testing.assert_allclose(policy.q_values(observations[i]), batch[i], rtol=2e-5, atol=2e-6 * largest)
    assert batch.dtype == np.float32


def test_a_policy_keeps_its_own_frozen_copy() -> None:
    flat = random_flat(SPEC, 3)
    policy = Policy(SPEC, flat, version=4)
    before = policy.q_values(np.ones(7, np.float32))
    flat[:] = 0.0
    kept = before.copy()
    assert np.array_equal(policy.q_values(np.ones(7, np.float32)), kept)
    assert not np.array_equal(policy.q_values(np.zeros(7, np.float32)), kept)
    assert np.array_equal(before, kept), "a new array each time"
    assert policy.version == 4
    with pytest.raises(ValueError, match="read-only"):
        policy.flat[0] = 1.0
    for array in policy.to_arrays().values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1.0


def test_arrays_go_there_and_back() -> None:
    policy = Policy(SPEC, random_flat(SPEC, 5), version=9)
    again = Policy.from_arrays(SPEC, dict(reversed(policy.to_arrays().items())), policy.version)
    assert np.array_equal(again.flat, policy.flat)
    assert again.version == 9


def test_arrays_that_do_not_fit_are_refused() -> None:
    arrays = Policy(SPEC, random_flat(SPEC, 5)).to_arrays()
    with pytest.raises(ValueError, match=r"head\.bias"):
        Policy.from_arrays(SPEC, {name: array for name, array in arrays.items() if name != "head.bias"})
    with pytest.raises(ValueError, match="extra"):
        Policy.from_arrays(SPEC, {**arrays, "extra": np.zeros(1, np.float32)})
    with pytest.raises(ValueError, match=r"hidden0\.gain"):
        Policy.from_arrays(SPEC, {**arrays, "hidden0.gain": np.zeros((4, 4), np.float32)})
    with pytest.raises(ValueError, match="parameters"):
        Policy(SPEC, np.zeros(3, np.float32))
    for value in (np.nan, np.inf):
        flat = random_flat(SPEC, 5)
        flat[17] = value
        with pytest.raises(ValueError, match="finite"):
            Policy(SPEC, flat)


def test_greedy_takes_the_best_legal_action_and_the_first_of_equals() -> None:
    policy = valuing([1.0, 9.0, 3.0, 3.0])
    assert shares(policy, [True, True, True, True], 5) == [0, 1, 0, 0]
    assert shares(policy, [True, False, True, True], 5) == [0, 0, 1, 0]
    masks = np.array([[True, True, True, True], [True, False, True, True]])
    together = policy.act_batch(np.zeros((2, 1), np.float32), masks, np.random.default_rng(0))
    assert together.tolist() == [1, 2]


@settings(max_examples=100, deadline=None)
@given(
    mask=st.lists(st.booleans(), min_size=5, max_size=5).filter(any),
    temperature=st.sampled_from([0.0, 1e-6, 0.1, 1e6]),
    epsilon=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_illegal_action_is_ever_taken(mask: list[bool], temperature: float, epsilon: float, seed: int) -> None:
    policy = Policy(SPEC, random_flat(SPEC, 6))
    random = np.random.default_rng(seed)
    for _ in range(10):
        observation = random.normal(0.0, 3.0, 7).astype(np.float32)
        action = policy.act(observation, np.array(mask), random, temperature, epsilon)
        assert type(action) is int
        assert mask[action]


def test_one_legal_action_is_taken_without_a_draw_and_none_is_refused() -> None:
    random = np.random.default_rng(0)
    before = random.bit_generator.state
    assert valuing([1.0, 2.0]).act(np.zeros(1, np.float32), np.array([True, False]), random, 1.0, 1.0) == 0
    assert random.bit_generator.state == before
    with pytest.raises(ValueError, match="allows no action"):
        valuing([1.0, 2.0]).act(np.zeros(1, np.float32), np.zeros(2, bool), random)


def test_epsilon_is_the_share_of_random_legal_decisions() -> None:
    policy, mask = valuing([0.0, 5.0, 1.0]), [True, True, False]
    observations, masks = np.zeros((4000, 1), np.float32), np.tile(mask, (4000, 1))
    together = policy.act_batch(observations, masks, np.random.default_rng(0), epsilon=0.4)
    for got in (shares(policy, mask, epsilon=0.4), np.bincount(together, minlength=3) / 4000):
        assert got == pytest.approx([0.2, 0.8, 0.0], abs=0.03)


def test_temperature_draws_by_softmax_among_legal_actions_and_none_that_is_clearly_bad() -> None:
    values = [0.0, 0.5, 0.8, 9.0]
    weights = np.exp(np.array(values[:3]) / 0.6)
    got = shares(valuing(values), [True, True, True, False], temperature=0.6)
    assert got == pytest.approx([*(weights / weights.sum()), 0.0], abs=0.03)
    just_bad, just_not = 1.0 - CLEARLY_BAD * 0.5 - 0.01, 1.0 - CLEARLY_BAD * 0.5 + 0.01
    got = shares(valuing([1.0, just_bad, just_not]), [True, True, True], temperature=0.5)
    assert got[1] == 0.0
    assert got[2] > 0.05


def test_a_draw_has_the_promised_scales_and_a_vector_of_another_length_is_refused() -> None:
    spec = NetworkSpec(400, 300, (500,))
    flat = draw(spec, np.random.default_rng(0))
    views = split(flat, spec)
    assert views["hidden0.weight"].std() == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    for name, view in views.items():
        assert name == "hidden0.weight" or (view == (name == "hidden0.gain")).all(), name
    assert np.array_equal(np.concatenate([view.ravel() for view in views.values()]), flat)
    for size in (0, flat.size - 1, flat.size + 1):
        with pytest.raises(ValueError, match=str(spec.num_parameters)):
            split(np.zeros(size, np.float32), spec)


def test_a_network_that_learned_nothing_prefers_nothing() -> None:
    policy = Policy(SPEC, draw(SPEC, np.random.default_rng(0)))
    mask = np.array([action % 2 == 0 for action in range(SPEC.num_actions)])
    random = np.random.default_rng(1)
    taken = Counter(policy.act(np.ones(SPEC.observation_size, np.float32), mask, random) for _ in range(1000))
    assert set(taken) == set(np.flatnonzero(mask))
    assert min(taken.values()) > 0.7 * 1000 / len(taken)


def test_five_levels_and_the_adaptive_one_never_get_gentler() -> None:
    assert NUM_LEVELS == ADAPTIVE == 6
    for gentler, stronger in pairwise(LEVELS):
        assert gentler.temperature > stronger.temperature
        assert gentler.versions_back >= stronger.versions_back
    assert (LEVELS[-1].temperature, LEVELS[-1].versions_back) == (0.0, 0)
    assert len({*LEVEL_NAMES}) == 6


def test_a_gentler_level_plays_the_best_move_less_often_and_never_a_clearly_bad_one() -> None:
    values = [0.5, 0.45, 0.2, -3.0]
    best = []
    for each in LEVELS:
        got = shares(valuing(values), [True] * 4, 2000, temperature=each.temperature)
        best.append(got[0])
        bad = CLEARLY_BAD * max(each.temperature, 1e-9)
        assert all(not share or values[0] - value <= bad + 1e-6 for value, share in zip(values, got, strict=True))
    assert best == sorted(best)
    assert best[0] < 0.6
    assert best[-1] == 1.0


def test_act_batch_with_a_temperature_draws_as_act_does() -> None:
    values, mask = [0.5, 0.45, 0.2, 0.4, -3.0], [True, True, True, False, True]
    policy, random = valuing(values), np.random.default_rng(4)
    observations = np.zeros((20_000, policy.spec.observation_size), np.float32)
    masks = np.tile(mask, (len(observations), 1))
    drawn = Rung(policy, 0.2).act_batch(observations, masks, random)
    together = np.bincount(drawn, minlength=5) / len(drawn)
    assert together == pytest.approx(shares(policy, mask, 20_000, temperature=0.2), abs=0.02)
    assert together[3] == together[4] == 0.0
    assert set(Rung(policy).act_batch(observations, masks, random).tolist()) == {0}
