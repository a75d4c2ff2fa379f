"""The learner: it learns, it repeats, it continues bit for bit, and nothing non-finite gets into its weights."""

import threading
from collections.abc import Callable
from dataclasses import astuple
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cornerman.contract import ModelError
from cornerman.learning.learner import Learner
from cornerman.learning.update import Rates
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from tests.support.learning import WAYS, noise, on_cpu, same_state

SPEC = NetworkSpec(6, 5, (16, 16))


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Every test that asks for it runs with plain numpy and compiled."""
    return str(request.param)


def learner(way: str = "plain", **more: Any) -> Learner:
    return Learner(SPEC, **{"batch_size": 8, "rates": Rates(0.01), "seed": 3, "on_cpu": on_cpu(way), **more})


def batch(num_rows: int, seed: int = 0) -> SimpleNamespace:
    return noise(num_rows, SPEC, seed)


def test_learner_learns_the_identity_game(way: str) -> None:
    """The identity game: the right action is worth 1, every other one 0."""
    random = np.random.default_rng(1)
    spec = NetworkSpec(5, 5, (32,))
    pupil = Learner(spec, batch_size=32, rates=Rates(0.01), seed=1, on_cpu=on_cpu(way))
    states = random.integers(0, 5, 32 * 200)
    actions = random.integers(0, 5, states.size)
    rows = noise(states.size, spec)
    rows.observation, rows.action = np.eye(5, dtype=np.float32)[states], actions
    rows.reward, rows.discount = (states == actions).astype(np.float32), np.zeros(states.size, np.float32)
    rows.weight[:] = 0.0
    result = pupil.learn_burst(rows)
    values = Policy(spec, pupil.snapshot()).q_values_batch(np.eye(5, dtype=np.float32))
    assert values.argmax(1).tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(values, np.eye(5), atol=0.1)
    assert result.steps == pupil.steps == 200


def test_credit_reaches_the_decision_before_the_last() -> None:
    """Two decisions: going left or right costs nothing; only after left does the second decision win.

    Observations: 0 start, 1 after left, 2 after right. After right the action that wins elsewhere is illegal, so the
    value that tempts there (a poisoned reward of 5 that no legal action earns) must not be bootstrapped.
    """
    eye = np.eye(3, dtype=np.float32)
    nothing = np.zeros(3, np.float32)
    steps = [  # observation, action, reward, discount, next observation, next action mask
        (eye[0], 0, 0.0, 0.9, eye[1], [True, True]),
        (eye[0], 1, 0.0, 0.9, eye[2], [True, False]),
        (eye[1], 0, -1.0, 0.0, nothing, [False, False]),
        (eye[1], 1, 1.0, 0.0, nothing, [False, False]),
        (eye[2], 0, -1.0, 0.0, nothing, [False, False]),
        (eye[2], 1, 5.0, 0.0, nothing, [False, False]),
    ]
    chosen = np.random.default_rng(0).integers(0, len(steps), 16 * 600)
    columns = [np.array([steps[i][c] for i in chosen]) for c in range(6)]
    names = ("observation", "action", "reward", "discount", "next_observation", "next_action_mask")
    rows = dict(zip(names, columns, strict=True))
    rows["action_mask"], rows["weight"] = np.ones((len(chosen), 2), np.bool_), np.zeros(len(chosen))
    spec = NetworkSpec(3, 2, (32,))
    pupil = Learner(spec, batch_size=16, rates=Rates(0.01, 10.0, 0.05), seed=2)
    pupil.learn_burst(SimpleNamespace(**rows))
    values = Policy(spec, pupil.snapshot()).q_values_batch(eye)
    np.testing.assert_allclose(values[0], [0.9, -0.9], atol=0.1)
    np.testing.assert_allclose(values[1], [-1.0, 1.0], atol=0.1)


def test_a_burst_equals_single_steps_of_another_learner_of_the_same_seed(way: str) -> None:
    one, many = learner(way), learner(way)
    assert not np.array_equal(one.snapshot(), learner(way, seed=4).snapshot())
    rows = batch(8 * 120)
    singles = [one.learn_burst(part(rows, k * 8, k * 8 + 8)) for k in range(120)]
    burst = many.learn_burst(rows)
    np.testing.assert_allclose(one.snapshot(), many.snapshot(), rtol=1e-4, atol=1e-5)
    assert burst.loss == pytest.approx(np.mean([step.loss for step in singles]), rel=1e-4)
    assert one.steps == many.steps == burst.steps == 120


def part(rows: SimpleNamespace, start: int, stop: int) -> SimpleNamespace:
    return SimpleNamespace(**{name: column[start:stop] for name, column in vars(rows).items()})


def test_a_burst_stops_after_the_step_under_way(way: str) -> None:
    pupil, expected = learner(way), learner(way)
    rows, stop = pupil.prepare(batch(8 * 6)), np.ones(1, np.uint8)
    assert [pupil.learn_rows(rows, at, 6 - at, stop).steps for at in range(2)] == [1, 1]
    stop[0] = 0
    assert pupil.learn_rows(rows, 2, 3, stop).steps == 3
    assert pupil.learn_rows(rows, 5).steps == 1
    expected.learn_burst(batch(8 * 6))
    same_state(pupil, expected)


def test_another_thread_stops_a_long_burst_while_it_runs(way: str) -> None:
    spec = NetworkSpec(6, 5)
    pupil = Learner(spec, batch_size=8, on_cpu=on_cpu(way))
    pupil.learn_burst(noise(8, spec))
    rows, stop = pupil.prepare(noise(8 * 20_000, spec)), np.zeros(1, np.uint8)
    timer = threading.Timer(0.1, lambda: stop.fill(1))
    timer.start()
    done = pupil.learn_rows(rows, stop=stop).steps
    timer.join()
    assert 0 < done < 20_000
    assert pupil.steps == 1 + done


def test_parts_that_end_anywhere_give_the_same_weights_also_where_tiny_moments_are_cleared(way: str) -> None:
    whole, parts = learner(way), learner(way)
    data = batch(8 * 200)
    data.observation[:, 2] = 0.0  # a weight that is never used: its moments fade
    rows, at = whole.prepare(data), 0
    for length in (95, 2, 1, 90, 12):
        at += parts.learn_rows(rows, at, length).steps
    whole.learn_rows(rows)
    same_state(parts, whole)


def test_learning_continues_bit_for_bit_after_a_restore(way: str) -> None:
    pupil = learner(way)
    pupil.learn_burst(batch(8 * 90, 1))
    saved = pupil.state()
    again = learner(way, seed=99)
    again.restore(saved)
    for seed in range(5):
        assert pupil.learn_burst(batch(8 * 7, seed)) == again.learn_burst(batch(8 * 7, seed))
    same_state(again, pupil)


def test_state_and_snapshot_are_copies_in_the_specs_own_layout() -> None:
    pupil = learner()
    assert np.array_equal(pupil.snapshot(), draw(SPEC, np.random.default_rng(3)))
    before = pupil.state()
    kept = {name: array.copy() for name, array in before.items()}
    result = pupil.learn_burst(batch(8 * 5))
    assert {type(value) for value in astuple(result)} == {int, float}, "plain data"
    assert not np.array_equal(pupil.snapshot(), kept["online"])
    assert not np.array_equal(pupil.snapshot(), pupil.averaged())
    assert np.array_equal(pupil.averaged(), pupil.state()["target"])
    for name, array in before.items():
        assert np.array_equal(array, kept[name]), name
    assert set(before) == {"online", "target", "first_moment", "second_moment", "steps"}
    assert before["online"].shape == (SPEC.num_parameters,)


@pytest.mark.parametrize("kind", ["read-only", "tensors", "stacked", "other types", "strided"])
def test_every_kind_of_batch_gives_the_same_weights(kind: str) -> None:
    rows, expected, pupil = batch(8 * 4), learner(), learner()
    expected.learn_burst(rows)
    before = {name: column.copy() for name, column in vars(rows).items()}
    changes: dict[str, Callable[[Any], Any]] = {
        "read-only": lambda column: (column.setflags(write=False), column)[1],
        "tensors": lambda column: pytest.importorskip("torch").from_numpy(column),
        "stacked": lambda column: column.reshape(4, 8, *column.shape[1:]),
        "other types": lambda column: column.astype({"f": "f8", "i": "i4", "b": "i1"}[column.dtype.kind]),
        "strided": lambda column: np.repeat(column, 2, 0)[::2],
    }
    rows = SimpleNamespace(**{name: changes[kind](column) for name, column in vars(rows).items()})
    pupil.learn_burst(rows)
    assert np.array_equal(pupil.snapshot(), expected.snapshot())
    for name, column in before.items():
        assert np.array_equal(np.asarray(getattr(rows, name)).ravel(), column.ravel()), name


def test_row_without_a_legal_next_action_is_terminal() -> None:
    """Whoever recorded it may have left the discount: the row is worth its reward all the same."""
    rows, pupil, expected = batch(8), learner(), learner()
    rows.next_action_mask[3] = False
    rows.discount[3], rows.next_observation[3] = 0.95, np.nan
    assert pupil.learn_burst(rows).steps == 1
    rows.discount[3] = 0.0
    expected.learn_burst(rows)
    assert np.array_equal(pupil.snapshot(), expected.snapshot())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["reward", "observation"])
def test_a_non_finite_step_is_dropped_and_the_others_count(way: str, column: str, value: float) -> None:
    rows = batch(8 * 4)
    getattr(rows, column)[8 * 2] = value
    pupil, expected = learner(way), learner(way)
    result = pupil.learn_burst(rows)
    for k in (0, 1, 3):
        expected.learn_burst(part(rows, 8 * k, 8 * k + 8))
    assert (result.steps, result.dropped, pupil.steps, pupil.dropped) == (3, 1, 3, 1)
    assert np.array_equal(pupil.snapshot(), expected.snapshot())
    assert np.isfinite(result.loss)
    rows.reward[:] = np.nan
    result = pupil.learn_burst(rows)
    assert (result.steps, result.dropped) == (0, 4)
    assert np.isnan(result.loss)
    same_state(pupil, expected)


def test_huge_rewards_neither_explode_nor_are_dropped() -> None:
    rows = batch(8 * 50)
    rows.reward[::3] = 1e30
    pupil = learner()
    assert pupil.learn_burst(rows).dropped == 0
    assert np.abs(pupil.snapshot()).max() < 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": np.zeros(7, np.int64)}, "whole steps"),
        ({"reward": np.zeros(7, np.float32)}, "columns differ"),
        ({"action": np.full(8, 5)}, "outside 0 to 4"),
        ({"action": np.full(8, -1)}, "outside 0 to 4"),
        ({"observation": np.zeros((8, 5), np.float32)}, "do not fit"),
        ({"next_action_mask": np.ones((8, 16), bool)}, "do not fit"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    pupil = learner()
    with pytest.raises(ValueError, match=message):
        pupil.learn_burst(SimpleNamespace(**{**vars(batch(8)), **change}))
    assert pupil.steps == 0


@pytest.mark.parametrize("name", ["online", "target", "first_moment", "second_moment", "steps"])
def test_a_stored_state_with_an_array_missing_not_finite_or_misshapen_is_refused(name: str) -> None:
    pupil, stored = learner(), learner(seed=8).state()
    before = pupil.snapshot()
    array = stored.pop(name)
    wrong = {} if name == "steps" else {"nan": np.full_like(array, np.nan), "short": array[:-1]}
    for arrays in (stored, *({**stored, name: bad} for bad in wrong.values())):
        with pytest.raises(ModelError, match=name):
            pupil.restore(arrays)
    assert np.array_equal(pupil.snapshot(), before)


def test_load_starts_over_from_weights() -> None:
    pupil = learner()
    pupil.learn_burst(batch(8 * 5))
    flat = draw(SPEC, np.random.default_rng(12))
    pupil.load(flat)
    state = pupil.state()
    assert np.array_equal(state["online"], flat)
    assert np.array_equal(state["target"], flat)
    assert not any(state[name].any() for name in ("first_moment", "second_moment", "steps"))
