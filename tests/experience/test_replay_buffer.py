from __future__ import annotations

import subprocess
import sys
from collections import deque
from dataclasses import fields, replace
from itertools import count
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import SettingsError, Source, Transition
from cornerman.experience.replay_buffer import Batch, ReplayBuffer, Rings, batch_for, empty_batch, ready_batch
from cornerman.experience.transitions import pack
from tests.support.sample_states import chain, same


def buffer(capacity: int = 8, seed: int = 0) -> ReplayBuffer:
    return ReplayBuffer(capacity, 2, 3, np.random.default_rng(seed))


def numbered(number: int) -> Transition:
    """A row that can be told from every other one, in each field that a batch holds."""
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


@given(st.integers(1, 9), st.lists(st.one_of(st.just("append"), st.integers(0, 25), st.just("restore")), max_size=20))
def test_against_a_list_with_random_operations(capacity: int, operations: list[str | int]) -> None:
    ring, twin, numbers = buffer(capacity), deque[Transition](maxlen=capacity), count()
    for operation in operations:
        if operation == "append":
            rows = [numbered(next(numbers))]
            ring.append(rows[0])
        elif operation == "restore":
            rows, state = [], ring.state()
            ring = buffer(capacity, seed=5)
            ring.restore(state)
        else:
            rows = [numbered(next(numbers)) for _ in range(int(operation))]
            ring.append_many(pack(rows, 2, 3))
        twin.extend(rows)
        assert ring.check_valid() is None
        assert len(ring) == ring.size == len(twin)
        assert all(same(one, other) for one, other in zip(ring.rows(), twin, strict=True))


def test_a_sample_is_whole_rows_drawn_evenly() -> None:
    ring = buffer(40)
    for number in range(55):
        ring.append(numbered(number))
    batch = ring.sample(20_000)
    numbers = np.rint(batch.observation[:, 0] * 1000).astype(int)
    counts = np.bincount(numbers, minlength=55)
    assert counts[:15].sum() == 0  # fallen out
    assert counts[15:].min() > 350  # 500 expected; seven standard deviations below
    assert counts[15:].max() < 660
    for at in (0, 1, 17, 19_999):
        row = numbered(int(numbers[at]))
        for name, values in batch.columns():
            np.testing.assert_array_equal(values[at], np.asarray(getattr(row, name), values.dtype))


def test_a_half_full_ring_never_samples_what_is_not_there() -> None:
    ring = buffer(1000)
    for number in range(1, 4):
        ring.append(numbered(number))
    assert set(np.rint(ring.sample(500).reward * 100).astype(int)) == {1, 2, 3}


def test_the_types_and_shapes_of_a_batch() -> None:
    ring = buffer()
    ring.append(numbered(1))
    batch = ring.sample(5)
    described = {name: (values.shape, values.dtype.name) for name, values in batch.columns()}
    assert described == {
        "observation": ((5, 2), "float32"),
        "action_mask": ((5, 3), "bool"),
        "action": ((5,), "int64"),
        "reward": ((5,), "float32"),
        "discount": ((5,), "float32"),
        "next_observation": ((5, 2), "float32"),
        "next_action_mask": ((5, 3), "bool"),
    }


def test_the_same_seed_samples_the_same_rows() -> None:
    one, other = buffer(seed=3), buffer(seed=3)
    for number in range(8):
        one.append(numbered(number))
        other.append(numbered(number))
    np.testing.assert_array_equal(one.sample(50).reward, other.sample(50).reward)


def test_a_fresh_sample_leaves_the_last_one_alone() -> None:
    ring = buffer()
    for number in range(8):
        ring.append(numbered(number))
    first = ring.sample(64)
    kept = first.reward.copy()
    ring.sample(64)
    np.testing.assert_array_equal(first.reward, kept)


def test_ready_tensors_are_the_arrays_memory() -> None:
    pytest.importorskip("torch", reason="the tensors are torch's")
    ring = buffer()
    for number in range(8):
        ring.append(numbered(number))
    ready = ready_batch(16, 2, 3)
    ring.sample(16, ready.arrays)
    for column in fields(Batch):
        array, tensor = getattr(ready.arrays, column.name), getattr(ready.tensors, column.name)
        assert tensor.data_ptr() == array.ctypes.data
        np.testing.assert_array_equal(tensor.numpy(), array)
    assert str(ready.tensors.action.dtype) == "torch.int64"
    assert ready.arrays.reward.any()


@pytest.mark.parametrize("error", [RuntimeError("no more"), AssertionError("not compiled with CUDA")])
def test_without_pinned_memory_a_batch_for_cuda_is_a_plain_one(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fail(*arguments: Any, **more: Any) -> Any:
        asked.append(more["pin_memory"])
        raise error

    monkeypatch.setattr(pytest.importorskip("torch", reason="the memory is torch's"), "zeros", fail)
    shapes = {name: (column.shape, column.dtype) for name, column in batch_for("cuda", 16, 2, 3).columns()}
    assert shapes == {name: (column.shape, column.dtype) for name, column in empty_batch(16, 2, 3).columns()}
    assert asked == [True]


def test_state_and_restore_sample_on_exactly() -> None:
    ring = buffer(10)
    for number in range(13):
        ring.append(numbered(number))
    ring.sample(7)
    state = {name: array.copy() for name, array in ring.state().items()}
    copy = buffer(10, seed=99)
    copy.restore(state)
    for number in range(13, 20):
        ring.append(numbered(number))
        copy.append(numbered(number))
        np.testing.assert_array_equal(ring.sample(9).observation, copy.sample(9).observation)


def test_restore_keeps_a_generator_of_another_kind() -> None:
    ring = ReplayBuffer(4, 2, 3, np.random.Generator(np.random.MT19937(1)))
    ring.append(numbered(1))
    copy = ReplayBuffer(4, 2, 3, np.random.Generator(np.random.MT19937(2)))
    copy.restore(ring.state())
    assert copy._random.integers(0, 10**9) == ring._random.integers(0, 10**9)


@pytest.mark.parametrize("spoil", ["capacity", "column", "order", "sizes"])
def test_a_state_that_does_not_fit_changes_nothing(spoil: str) -> None:
    ring, other = buffer(4), buffer(5 if spoil == "capacity" else 4)
    ring.append(numbered(1))
    other.append(numbered(2))
    state = other.state()
    if spoil == "column":
        del state["reward"]
    if spoil == "order":
        del state["next"]
    if spoil == "sizes":
        state["observation"] = np.zeros((1, 3), np.float32)
    with pytest.raises(ValueError, match="saved replay buffer"):
        ring.restore(state)
    assert same(ring.rows()[0], numbered(1))


def test_impossible_memory_is_refused_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    free = psutil.virtual_memory().available
    with pytest.raises(SettingsError, match=r"of 1000000000000 rows needs [\d]+ MiB and \d+ MiB are free"):
        buffer(10**12)
    assert psutil.virtual_memory().available > free / 2


def test_a_capacity_of_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        buffer(0)


def test_an_empty_ring_cannot_be_sampled() -> None:
    with pytest.raises(ValueError, match="Nothing is stored"):
        buffer().sample(4)


def test_rows_of_another_game_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be stored"):
        buffer().append_many(pack(chain(2), 2, 3) | {"reward": np.zeros(3, np.float32)})


def test_columns_are_all_the_memory_there_is() -> None:
    ring = buffer(100)
    row_bytes = sum(np.asarray(array).nbytes for array in pack(chain(1), 2, 3).values())
    assert ring.num_bytes == 100 * row_bytes


RESIDENT = """
import numpy as np, psutil
from cornerman.experience.replay_buffer import ReplayBuffer
before = psutil.Process().memory_info().rss
ring = ReplayBuffer(200_000, 57, 11, np.random.default_rng(0))
print((psutil.Process().memory_info().rss - before) / ring.num_bytes)
"""


def test_all_memory_is_taken_at_once() -> None:
    """Pages of zeros() would be taken one by one while the game runs; in a process that has freed nothing before."""
    done = subprocess.run([sys.executable, "-c", RESIDENT], capture_output=True, text=True, timeout=60, check=True)
    assert float(done.stdout) > 0.9


def test_check_valid_finds_a_spoilt_row() -> None:
    ring = buffer()
    for number in range(1, 4):
        ring.append(numbered(number))
    ring._reward[1] = float("nan")
    assert ring.check_valid() == "1 of 3 rows are wrong (reward), first at place 1"
    ring._reward[1] = 0
    ring._next = 1
    assert "next goes to place 1" in (ring.check_valid() or "")
    ring.size = 9
    assert "outside" in (ring.check_valid() or "")


def test_clear_erases_in_memory_too() -> None:
    ring = buffer()
    for number in range(5):
        ring.append(numbered(number))
    assert ring.clear() == 5
    assert len(ring) == 0
    assert not any(column.any() for column in ring._columns.values())


# ------------------------------------------------------------------------------------------------------------- the pair


def rings(player: int = 8, selfplay: int = 8) -> Rings:
    return Rings(buffer(player, 1), buffer(selfplay, 2))


def of_player(number: int) -> Transition:
    return replace(numbered(number), source=Source.PLAYER)


def test_a_night_of_self_play_cannot_push_the_player_out() -> None:
    pair = rings()
    for number in range(4):
        pair.append(of_player(number))
        pair.append(replace(numbered(number + 4), opponent=Source.PLAYER))
    for number in range(100):
        pair.append(numbered(number))
    assert (pair.player.size, pair.selfplay.size, len(pair)) == (8, 8, 16)
    assert {row.index for row in pair.player.rows()} == set(range(8))


@pytest.mark.parametrize(("fraction", "expected"), [(0.0, 0), (0.25, 16), (0.5, 32), (1.0, 64)])
def test_a_fraction_of_the_batch_is_the_player_s(fraction: float, expected: int) -> None:
    pair = rings()
    pair.append(of_player(1))
    pair.append(numbered(2))
    rewards = pair.sample(64, fraction).reward
    assert np.isclose(rewards, 0.01).sum() == expected
    assert np.isclose(rewards, 0.02).sum() == 64 - expected


@pytest.mark.parametrize(("fraction", "from_player"), [(0.0, 0), (0.25, 16), (1.0, 64)])
def test_many_batches_are_whole_rows_and_each_has_its_share_of_the_player_s(fraction: float, from_player: int) -> None:
    pair = rings()
    for number in range(6):
        pair.append(of_player(number))
        pair.append(numbered(10 + number))
    out = empty_batch(3 * 4 * 64, 2, 3)
    pair.sample_many(3, (4, 64), fraction, out)
    indices = np.rint(100 * out.reward).astype(int)
    assert set(indices.tolist()) == {*range(6 if from_player else 0), *range(10, 16 if from_player < 64 else 10)}
    batches = (indices.reshape(12, 64) < 10).sum(1)
    assert batches.tolist() == [from_player] * 12
    assert len({tuple(batch) for batch in indices.reshape(12, 64).tolist()}) == 12, "no batch is drawn twice"
    for at, index in enumerate(indices):
        row = numbered(int(index))
        for name, column in out.columns():
            assert np.array_equal(column[at], np.asarray(getattr(row, name), column.dtype)), name


def test_many_batches_at_once_are_the_same_rows_as_burst_by_burst() -> None:
    at_once, one_by_one = empty_batch(5 * 2 * 8, 2, 3), empty_batch(5 * 2 * 8, 2, 3)
    for out, calls in ((at_once, 1), (one_by_one, 5)):
        pair = rings()
        for number in range(8):
            pair.append(of_player(number))
            pair.append(numbered(number))
        for call in range(calls):
            pair.sample_many(5 // calls, (2, 8), 0.5, out.part(call * 80 // calls, (call + 1) * 80 // calls))
    for (name, column), (_, other) in zip(at_once.columns(), one_by_one.columns(), strict=True):
        assert np.array_equal(column, other), name


def test_many_batches_from_one_ring_or_none() -> None:
    for row in (of_player(1), numbered(1)):
        pair, out = rings(), empty_batch(6, 2, 3)
        pair.append(row)
        pair.sample_many(1, (2, 3), 0.5, out)
        assert np.allclose(out.reward, 0.01)
    with pytest.raises(ValueError, match="Nothing is stored"):
        rings().sample_many(1, (2, 3), 0.5, out)


def test_one_empty_ring_leaves_the_batch_to_the_other() -> None:
    pair = rings()
    pair.append(of_player(1))
    assert np.allclose(pair.sample(8, 0.25).reward, 0.01)
    pair = rings()
    pair.append(numbered(2))
    assert np.allclose(pair.sample(8, 0.25).reward, 0.02)
    with pytest.raises(ValueError, match="Nothing is stored"):
        rings().sample(8, 0.5)


def test_the_player_can_be_forgotten() -> None:
    pair = rings()
    pair.append(of_player(1))
    pair.append(numbered(2))
    assert pair.forget_player() == 1
    assert (pair.player.size, pair.selfplay.size) == (0, 1)


def test_a_spoilt_ring_is_named() -> None:
    pair = rings()
    pair.append(numbered(1))
    pair.selfplay._action[0] = 99
    assert pair.check_valid() == "self-play ring: 1 of 1 rows are wrong (illegal), first at place 0"
