"""Replay buffer: against a list, whole transitions drawn evenly, exact after a restore; and the pair of buffers."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import SettingsError, Transition
from cornerman.experience.replay_buffer import Batch, ReplayBuffer, ReplayBuffers, batch_for, empty_batch
from cornerman.experience.transitions import pack
from tests.support.sample_states import chain, same


def buffer(capacity: int = 8, seed: int = 0) -> ReplayBuffer:
    return ReplayBuffer(capacity, 2, 3, np.random.default_rng(seed))


def numbered(number: int) -> Transition:
    """A transition that can be told from every other one, in each field that a batch holds."""
    mask = np.array([number % 2 == 0, True, number % 3 == 0])
    return replace(
        chain(2)[0],
        observation=np.array([number / 1000, 0.5], np.float32),
        next_observation=np.array([0.25, number / 1000], np.float32),
        action_mask=mask,
        next_action_mask=mask[::-1].copy() | np.array([True, False, False]),
        action=1,
        reward=number / 100,
        discount=(number % 10) / 10,
        index=number,
    )


def filled(size: int, capacity: int = 8, seed: int = 0, first: int = 0) -> ReplayBuffer:
    made = buffer(capacity, seed)
    for number in range(first, first + size):
        made.append(numbered(number))
    return made


def holds(batch: Batch[Any], at: int, number: int) -> bool:
    """Whether a row of a batch is the whole numbered transition."""
    row = numbered(number)
    wanted = ((column[at], np.asarray(getattr(row, name), column.dtype)) for name, column in batch.columns()[:-1])
    return all(np.array_equal(found, given) for found, given in wanted)


@given(st.integers(1, 9), st.lists(st.one_of(st.just("append"), st.integers(0, 25), st.just("restore")), max_size=20))
def test_buffer_equals_a_list_under_random_operations(capacity: int, operations: list[str | int]) -> None:
    ours, twin, numbers = buffer(capacity), deque[Transition](maxlen=capacity), count()
    for operation in operations:
        if operation == "append":
            rows = [numbered(next(numbers))]
            ours.append(rows[0])
        elif operation == "restore":
            rows, state = [], ours.state()
            ours = buffer(capacity, seed=5)
            ours.restore(state)
        else:
            rows = [numbered(next(numbers)) for _ in range(int(operation))]
            ours.append_many(pack(rows, 2, 3))
        twin.extend(rows)
        assert len(ours) == ours.size == len(twin)
        assert all(same(one, other) for one, other in zip(ours.rows(), twin, strict=True))


def test_sample_draws_whole_transitions_evenly() -> None:
    batch = filled(55, capacity=40).sample(20_000)
    numbers = np.rint(batch.observation[:, 0] * 1000).astype(int)
    counts = np.bincount(numbers, minlength=55)
    assert counts[:15].sum() == 0  # fallen out
    assert counts[15:].min() > 350  # 500 expected; seven standard deviations below
    assert counts[15:].max() < 660
    assert all(holds(batch, at, int(numbers[at])) for at in (0, 1, 17, 19_999))


def test_batches_have_the_types_and_shapes_of_the_layout() -> None:
    described = {name: (values.shape, values.dtype.name) for name, values in filled(1).sample(5).columns()}
    assert described == {
        "observation": ((5, 2), "float32"),
        "action_mask": ((5, 3), "bool"),
        "action": ((5,), "int64"),
        "reward": ((5,), "float32"),
        "discount": ((5,), "float32"),
        "next_observation": ((5, 2), "float32"),
        "next_action_mask": ((5, 3), "bool"),
        "weight": ((5,), "float32"),
    }


def test_weights_are_drawn_with_their_rows_and_fall_back_to_nothing_for_new_ones() -> None:
    buffer = filled(8)
    assert not buffer.sample(20).weight.any()
    buffer.weigh(lambda columns: columns["reward"] * 2)
    batch = buffer.sample(50)
    np.testing.assert_allclose(batch.weight, batch.reward * 2)
    for number in range(buffer.capacity):
        buffer.append(numbered(number))
    assert not buffer.sample(50).weight.any()


def test_actions_to_imitate_are_drawn_in_place_of_those_taken_which_stay_stored() -> None:
    buffer = filled(8)
    taken = buffer.columns()["action"].tolist()
    buffer.weigh(lambda columns: columns["reward"], lambda columns: np.full_like(columns["action"], 2))
    assert set(buffer.sample(50).action.tolist()) == {2}
    assert buffer.columns()["action"].tolist() == taken
    for number in range(buffer.capacity):
        buffer.append(replace(numbered(number), action=1))
    assert set(buffer.sample(50).action.tolist()) == {1}
    buffer.append_many(pack([replace(numbered(number), action=0) for number in range(8)], 2, 3))
    assert 0 in buffer.sample(50).action
    buffer.weigh(lambda columns: columns["reward"])
    assert set(buffer.sample(50).action.tolist()) <= set(buffer.columns()["action"].tolist())


def test_sample_repeats_by_its_seed_and_leaves_the_last_batch_alone() -> None:
    one, other = filled(8, seed=3), filled(8, seed=3)
    first = one.sample(50)
    kept = first.reward.copy()
    np.testing.assert_array_equal(kept, other.sample(50).reward)
    one.sample(50)
    np.testing.assert_array_equal(first.reward, kept)


@pytest.mark.parametrize("error", [RuntimeError("no more"), AssertionError("not compiled with CUDA")])
def test_a_batch_for_cuda_is_a_plain_one_without_pinned_memory(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch", reason="the memory is torch's")

    def fail(tensor: Any) -> Any:
        raise error

    monkeypatch.setattr(torch.Tensor, "pin_memory", fail)
    shapes = {name: (column.shape, column.dtype) for name, column in batch_for("cuda", 16, 2, 3).columns()}
    assert shapes == {name: (column.shape, column.dtype) for name, column in empty_batch(16, 2, 3).columns()}


@pytest.mark.parametrize("generator", [np.random.PCG64, np.random.MT19937])
def test_restore_samples_on_exactly(generator: type[np.random.BitGenerator]) -> None:
    ours = ReplayBuffer(10, 2, 3, np.random.Generator(generator(1)))
    for number in range(13):
        ours.append(numbered(number))
    ours.sample(7)
    copy = ReplayBuffer(10, 2, 3, np.random.Generator(generator(2)))
    copy.restore({name: array.copy() for name, array in ours.state().items()})
    for number in range(13, 20):
        ours.append(numbered(number))
        copy.append(numbered(number))
        np.testing.assert_array_equal(ours.sample(9).observation, copy.sample(9).observation)


@pytest.mark.parametrize("spoil", ["capacity", "reward", "next", "observation"])
def test_restore_refuses_a_state_that_does_not_fit_and_changes_nothing(spoil: str) -> None:
    ours, state = filled(1, 4, first=1), filled(1, 5 if spoil == "capacity" else 4, first=2).state()
    if spoil == "observation":
        state[spoil] = np.zeros((1, 3), np.float32)
    else:
        state.pop(spoil, None)
    with pytest.raises(ValueError, match="saved replay buffer"):
        ours.restore(state)
    assert same(ours.rows()[0], numbered(1))


def test_impossible_memory_is_refused_before_it_is_taken() -> None:
    free = psutil.virtual_memory().available
    with pytest.raises(SettingsError, match=r"of 1000000000000 rows needs [\d]+ MiB and \d+ MiB are free"):
        buffer(10**12)
    assert psutil.virtual_memory().available > free / 2
    with pytest.raises(SettingsError, match="at least 1"):
        buffer(0)


def test_an_empty_buffer_cannot_be_sampled_and_others_sizes_not_be_stored() -> None:
    with pytest.raises(ValueError, match="Nothing is stored"):
        buffer().sample(4)
    with pytest.raises(ValueError, match="cannot be stored"):
        buffer().append_many(pack(chain(2), 2, 3) | {"reward": np.zeros(3, np.float32)})


RESIDENT = """
import numpy as np, psutil
from cornerman.experience.replay_buffer import ReplayBuffer
before = psutil.Process().memory_info().rss
buffer = ReplayBuffer(200_000, 57, 11, np.random.default_rng(0))
print((psutil.Process().memory_info().rss - before) / sum(column.nbytes for column in buffer.drawn.values()))
"""


def test_all_memory_is_taken_at_once() -> None:
    """Pages of zeros() would be taken one by one while the game runs; in a process that has freed nothing before."""
    done = subprocess.run([sys.executable, "-c", RESIDENT], capture_output=True, text=True, timeout=60, check=True)
    assert float(done.stdout) > 0.9


def test_clear_erases_in_memory_too() -> None:
    ours = filled(5)
    assert ours.clear() == 5
    assert len(ours) == 0
    ours.size = ours.capacity  # what is still there where nothing is stored
    assert not any(column.any() for column in ours.columns().values())


# ------------------------------------------------------------------------------------------------------------- the pair


def pair(player: int, selfplay: int) -> ReplayBuffers:
    """Numbers below 100 in the player's buffer, from 100 on in that of self-play."""
    return ReplayBuffers(filled(player, seed=1), filled(selfplay, seed=2, first=100))


@pytest.mark.parametrize(("player", "selfplay", "from_player"), [(6, 6, 32), (2, 6, 16), (6, 0, 64), (0, 6, 0)])
def test_sample_many_draws_whole_transitions_of_both_in_proportion(
    player: int, selfplay: int, from_player: int
) -> None:
    out = empty_batch(3 * 4 * 64, 2, 3)
    pair(player, selfplay).sample_many(3, (4, 64), out)
    numbers = np.rint(100 * out.reward).astype(int)
    assert set(numbers.tolist()) == {*range(player), *range(100, 100 + selfplay)}
    assert (numbers.reshape(12, 64) < 100).sum(1).tolist() == [from_player] * 12
    assert len({tuple(batch) for batch in numbers.reshape(12, 64).tolist()}) == 12, "no batch is drawn twice"
    assert all(holds(out, at, int(number)) for at, number in enumerate(numbers))


def test_sample_many_draws_the_same_at_once_as_burst_by_burst() -> None:
    at_once, one_by_one = empty_batch(5 * 2 * 8, 2, 3), empty_batch(5 * 2 * 8, 2, 3)
    for out, calls in ((at_once, 1), (one_by_one, 5)):
        both = pair(8, 8)
        for call in range(calls):
            both.sample_many(5 // calls, (2, 8), out.part(call * 80 // calls, (call + 1) * 80 // calls))
    for (name, column), (_, other) in zip(at_once.columns(), one_by_one.columns(), strict=True):
        assert np.array_equal(column, other), name


def test_sample_many_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="Nothing is stored"):
        pair(0, 0).sample_many(1, (2, 3), empty_batch(6, 2, 3))
