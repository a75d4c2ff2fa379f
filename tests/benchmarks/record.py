"""What recording costs the game, and the replay buffer against the ones that others offer.

Sizes as in a typical battle game: 32 numbers an observation, 16 actions, 10,000 rows, batches of 256, one torch thread.
Each peer stores and returns what it can; what it leaves out (masks, sources) is to its advantage.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import count
from statistics import median
from typing import Any

import numpy as np
import torch

from cornerman.contract import BattleEnd, Source, Transition
from cornerman.experience.encoder import Encoder
from cornerman.experience.recorder import Recorder
from cornerman.experience.replay_buffer import ReplayBuffer, empty_batch
from cornerman.experience.rewards import RewardCalculator
from cornerman.experience.transitions import layout
from game_adapter.host.host import Host
from tests.benchmarks.figures import Figure, interleaved, median_figure, not_measured, percentiles, seconds_a_call
from tests.benchmarks.loaded_plugin import LEARNING_ONLY, PATIENCE_S, learn, loaded, report, until, work_done

OBSERVATION_SIZE, NUM_ACTIONS, CAPACITY, BATCH = 32, 16, 10_000, 256
HOOK_CALLS, WARM_UP_CALLS = 400, 300
PACES = {"": (0.003, 0.001), "_busy": (0.0, 0.0001)}
"""Seconds of pause and of the game's own work before each call: a frame of a window, cut short; turn after turn."""
MASK = [True] * 12 + [False] * 4


class Game:
    """Four characters, sixteen actions, nothing of its own."""

    name, version = "bench", "1"
    action_names = tuple(f"action {number}" for number in range(NUM_ACTIONS))


def run(repeats: int) -> list[Figure]:
    """Every figure of recording."""
    torch.set_num_threads(1)
    return [
        *against_sb3(repeats),
        *hook(repeats),
        check(repeats),
        *against_cpprb(repeats),
        against_naive(repeats),
        overhead(),
    ]


# ------------------------------------------------------------------------------------------------------ the hook call


class Told:
    """The plugin as a host loads it, told of one endless battle."""

    def __init__(self, host: Host) -> None:
        self.host, self.calls = host, 0
        host.on_battle_start(1, {0: "player", 1: "plugin"})
        for _ in range(WARM_UP_CALLS):
            self.turn()

    def turn(self) -> float:
        """Seconds of one whole hook call."""
        call = self.calls
        self.calls += 1
        seat, action, before, after = call % 2, call % 12, STATES[call % 19], STATES[call % 19 + 1]
        begun = time.perf_counter()
        self.host.on_turn(1, seat, before, MASK, action, after)
        return time.perf_counter() - begun

    def turns(self, pause_s: float, work_s: float) -> list[float]:
        """Seconds of each call: the game waits, works on its own for a while, and then tells of the turn."""
        report(self.host)  # where no trainer lives, this reads what was told before
        taken = []
        for _ in range(HOOK_CALLS):
            if pause_s:
                time.sleep(pause_s)
            working = time.perf_counter()
            while time.perf_counter() - working < work_s:
                state(0)
            taken.append(self.turn())
        return taken


@contextmanager
def told(settings: Mapping[str, Any]) -> Iterator[Told]:
    """A plugin that is told of turns; RuntimeError where one of them was not recorded."""
    with loaded(Game(), settings) as host:
        learn(host, False)
        made = Told(host)
        yield made
        host.on_battle_end(1, {0: 1, 1: -1})
        host.settle(PATIENCE_S)
        recorder = report(host)["recorder"]
        if recorder["rejected"] or recorder["recorded"] != made.calls:
            raise RuntimeError(f"of {made.calls} turns {recorder} was recorded")


def hook(repeats: int) -> list[Figure]:
    """One whole call of `Host.on_turn` with a 4-character state while the trainer learns flat out.

    `record.hook_us` is after a pause, as a window at 60 frames a second calls it: the processor's caches are cold then,
    and on a shared machine others have used them. `record.hook_busy_us` is turn after turn, as a series plays.
    """
    found: dict[tuple[str, bool], list[list[float]]] = {(name, on): [] for name in PACES for on in (False, True)}
    steps, seconds = 0, 0.0
    with told({"learning": False}) as resting, told(LEARNING_ONLY) as learning:
        for _ in range(repeats):
            for name, pace in PACES.items():
                found[name, False].append(percentiles(resting.turns(*pace), 50, 99))
                before, begun = work_done(learning.host).steps, time.perf_counter()
                learn(learning.host, True)
                until(learning.host, lambda work, before=before: work.steps > before)  # type: ignore[misc]
                found[name, True].append(percentiles(learning.turns(*pace), 50, 99))
                seconds += time.perf_counter() - begun
                steps += work_done(learning.host).steps - before
                learn(learning.host, False)
    figures = []
    for name in PACES:
        p50s, p99s = zip(*found[name, True], strict=True)
        alone50, alone99 = (median(values) for values in zip(*found[name, False], strict=True))
        note = f"the trainer did {steps / seconds:.0f} steps/s of 64 meanwhile; without it {alone50:.1f}"
        figures.append(median_figure(f"record.hook{name}_us", p50s, "us", "lower", note=note))
        note = f"without the trainer {alone99:.1f}"
        figures.append(median_figure(f"record.hook{name}_us_p99", p99s, "us", "lower", note=note))
    return figures


def check(repeats: int) -> Figure:
    """To check and encode a turn, as the trainer's thread does with what the hook has left in the event queue."""
    made: deque[Transition | BattleEnd] = deque(maxlen=100)
    recorder, calls = Recorder(Encoder(Game()), RewardCalculator(), made.append), count()
    recorder.start(1, {0: Source.PLAYER, 1: Source.PLUGIN})

    def turn() -> None:
        call = next(calls)
        recorder.turn(1, call % 2, STATES[call % 19], MASK, call % 12, STATES[call % 19 + 1])

    measure = seconds_a_call(turn)
    figure = median_figure("record.check_us", [1e6 * measure() for _ in range(repeats)], "us", "lower")
    assert not recorder.rejected
    return figure


def state(step: int) -> dict[str, Any]:
    characters = [
        {
            "name": f"fighter {number}",
            "seat": number // 2,
            "health": 90 - 4 * step + number,
            "maxHealth": 100 + number,
            "attack": 40,
            "defense": 20,
            "speed": 35,
        }
        for number in range(4)
    ]
    return {"round": 1, "characters": characters}


STATES = [state(step) for step in range(20)]


# ------------------------------------------------------------------------------------------------- the replay buffer


def _rows(count: int, observation_size: int = OBSERVATION_SIZE) -> list[Transition]:
    generator = np.random.default_rng(1)
    observations = generator.random((count + 1, observation_size), np.float32)
    masks = generator.random((count + 1, NUM_ACTIONS)) < 0.6
    masks[:, 0] = True
    return [
        Transition(
            observations[at],
            masks[at],
            int(generator.choice(np.flatnonzero(masks[at]))),
            float(generator.normal(0, 0.1)),
            observations[at + 1],
            masks[at + 1],
            0.99,
            at // 40,
            0,
            at % 40,
            Source.PLUGIN,
            Source.SCRIPTED,
            1,
        )
        for at in range(count)
    ]


def _filled() -> tuple[ReplayBuffer, Callable[[], object]]:
    """A full ring, and a call that samples into tensors that are ready."""
    ring = ReplayBuffer(CAPACITY, OBSERVATION_SIZE, NUM_ACTIONS, np.random.default_rng(0))
    for row in _rows(CAPACITY):
        ring.append(row)
    batch = empty_batch(BATCH, OBSERVATION_SIZE, NUM_ACTIONS)
    tensors = [torch.from_numpy(values) for _, values in batch.columns()]  # the same memory; the peers' are torch's

    def sample() -> object:
        ring.sample(BATCH, batch)
        return tensors

    return ring, sample


def against_sb3(repeats: int) -> list[Figure]:
    """Hook over add, append over add and sample over sample of stable-baselines3's buffer, which stores no masks.

    The hook is the whole call of `Host.on_turn`, turn after turn; the trainer checks and stores what it queued later.
    """
    keys = ("record.hook_vs_sb3_add", "record.append_vs_sb3", "record.sample_vs_sb3")
    try:
        import stable_baselines3
        from gymnasium import spaces
        from stable_baselines3.common.buffers import ReplayBuffer as PeerBuffer
    except ImportError as error:
        return [not_measured(key, "ratio", "lower", f"{error}; pip install 'stable-baselines3>=2.4'") for key in keys]
    peer = f"stable-baselines3 {stable_baselines3.__version__}"
    space = spaces.Box(0.0, 1.0, (OBSERVATION_SIZE,), np.float32)
    theirs = PeerBuffer(CAPACITY, space, spaces.Discrete(NUM_ACTIONS), "cpu", handle_timeout_termination=False)
    ring, sample = _filled()
    row = _rows(1)[0]
    # Its own collecting loop hands over arrays with one environment in front; they are made before the clock runs.
    given = row.observation[None], row.next_observation[None], np.array([[row.action]])
    reward, done = np.array([row.reward], np.float32), np.array([False])
    infos: list[dict[str, object]] = [{}]

    def add() -> None:
        theirs.add(*given, reward, done, infos)

    for _ in range(CAPACITY):
        add()
    with told({"learning": False}) as game:
        found = interleaved(
            {
                "hook": lambda: sum(game.turns(0.0, 0.0)) / HOOK_CALLS,
                "append": seconds_a_call(lambda: ring.append(row)),
                "add": seconds_a_call(add),
                "sample": seconds_a_call(sample),
                "their sample": seconds_a_call(lambda: theirs.sample(BATCH)),
            },
            repeats,
        )
    return [
        _ratio(keys[0], found["hook"], found["add"], repeats, peer),
        _ratio(keys[1], found["append"], found["add"], repeats, peer),
        _ratio(keys[2], found["sample"], found["their sample"], repeats, peer),
    ]


def against_cpprb(repeats: int) -> list[Figure]:
    """Sample over cpprb's buffer of the same seven columns, its arrays turned into tensors without a copy."""
    key = "record.sample_vs_cpprb"
    try:
        import cpprb
    except ImportError as error:
        return [not_measured(key, "ratio", "lower", f"{error}; pip install cpprb")]
    names = ("observation", "action_mask", "action", "reward", "discount", "next_observation", "next_action_mask")
    columns = layout(OBSERVATION_SIZE, NUM_ACTIONS)
    theirs = cpprb.ReplayBuffer(
        CAPACITY, {name: {"shape": columns[name][0] or 1, "dtype": columns[name][1]} for name in names}
    )
    for row in _rows(CAPACITY):
        theirs.add(**{name: getattr(row, name) for name in names})

    def their_sample() -> object:
        return {name: torch.from_numpy(array) for name, array in theirs.sample(BATCH).items()}

    _, sample = _filled()
    calls = {"sample": seconds_a_call(sample), "their sample": seconds_a_call(their_sample)}
    found = interleaved(calls, repeats)
    return [_ratio(key, found["sample"], found["their sample"], repeats, f"cpprb {version('cpprb')}")]


@dataclass
class Example:
    """The original design's TrainingExample."""

    state: torch.Tensor
    action: torch.Tensor
    reward: torch.Tensor
    next_state: torch.Tensor
    done: torch.Tensor


def against_naive(repeats: int) -> Figure:
    """Sample over the original design: a list of dataclasses of tensors, random.sample, torch.stack."""
    examples = [
        Example(
            torch.from_numpy(row.observation.copy()),
            torch.tensor(row.action),
            torch.tensor(row.reward),
            torch.from_numpy(row.next_observation.copy()),
            torch.tensor(0.0),
        )
        for row in _rows(CAPACITY)
    ]
    draw = random.Random(0)

    def naive() -> object:
        drawn = draw.sample(examples, BATCH)
        columns = ("state", "action", "reward", "next_state", "done")
        return [torch.stack([getattr(example, name) for example in drawn]) for name in columns]

    _, sample = _filled()
    found = interleaved({"sample": seconds_a_call(sample), "naive": seconds_a_call(naive)}, repeats)
    peer = f"a list and torch.stack, torch {torch.__version__}"
    return _ratio("record.sample_vs_naive", found["sample"], found["naive"], repeats, peer)


def overhead() -> Figure:
    """All memory that a full ring takes, over the bytes of its rows' fields."""
    rows = _rows(100)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    ring = ReplayBuffer(CAPACITY, OBSERVATION_SIZE, NUM_ACTIONS, np.random.default_rng(0))
    for at in range(CAPACITY):
        ring.append(rows[at % 100])
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    row_bytes = sum(
        dtype.itemsize * int(np.prod(shape)) for shape, dtype in layout(OBSERVATION_SIZE, NUM_ACTIONS).values()
    )
    note = f"{row_bytes} bytes a row with masks, source, opponent, version, battle, seat and index"
    return Figure("record.bytes_overhead", taken / (row_bytes * CAPACITY), "ratio", "lower", 1, "", note)


def _ratio(key: str, ours: float, theirs: float, repeats: int, peer: str) -> Figure:
    note = f"{ours * 1e6:.2f} us over {theirs * 1e6:.2f} us"
    return Figure(key, ours / theirs, "ratio", "lower", repeats, peer, note)
