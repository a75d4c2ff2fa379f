"""How fast headless battles are played and recorded: on one core, on two, and beside PettingZoo and stable-baselines3.

Acting: the default network decides in every battle, and observations, masks and transitions are recorded. The limit it
is held against is the network's three bare matrix products over as many rows, and nothing else.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from importlib import metadata
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import psutil

from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw, split
from cornerman.selfplay.batched import BatchedAgent, SelfPlay
from cornerman.settings import Settings
from game_adapter.ringside.batched.battle import VectorBattle
from game_adapter.ringside.batched.encoding import View, write_masks
from game_adapter.ringside.batched.lineups import drawn_lineups
from game_adapter.ringside.game import RINGSIDE
from tests.benchmarks.figures import Figure, interleaved, not_measured

NUM_BATTLES, TURNS = 8192, 8
WARM_UP_TURNS = 40
"""As many turns as a battle takes, so that ends and new beginnings are spread evenly."""
SECONDS_TOGETHER = 2.0
PEER_STEPS = 2_000


def run(repeats: int) -> list[Figure]:
    """All figures; every repeat measures limit, acting, rules and peers in turn."""
    ways = {"limit": matrix_products(), "acting": acting(), "rules": rules_alone()}
    missing: dict[str, str] = {}
    for name, build in (("pettingzoo", pettingzoo_loop), ("sb3", sb3_collecting)):
        try:
            ways[name] = build()
        except ImportError as error:
            missing[name] = f"not installed ({error.name})"
    seconds = interleaved(ways, repeats)
    rate = {name: 1.0 / value for name, value in seconds.items()}
    processes = workers(max(1, repeats // 3))
    (one, memory, had_one), (two, _, had_two) = processes[1], processes[2]
    share, pairs = rate["acting"] / rate["limit"], max(1, repeats // 3)
    notes = {
        "acting": f"{seconds['acting'] * 1e9:.0f} ns a decision; the products alone {seconds['limit'] * 1e9:.0f}",
        "rules": f"{rate['rules'] / rate['acting']:.2f} times acting",
        "scaling": f"{one:.0f} and {two:.0f} decisions/s; each had {had_one:.0%} and {had_two:.0%} of a core",
    }
    products = "the network's bare matrix products"
    figures = [
        Figure("selfplay.decisions_per_s_core", rate["acting"], "1/s", "higher", repeats, "", notes["acting"]),
        Figure("selfplay.vs_roofline", share, "x", "higher", repeats, products),
        Figure("selfplay.rules_per_s", rate["rules"], "1/s", "higher", repeats, "", notes["rules"]),
        Figure("selfplay.scaling_2", two / one, "x", "higher", pairs, "", notes["scaling"]),
        Figure("selfplay.worker_mb", memory, "MB", "lower", 1, "", "resident, of one process that collects"),
    ]
    for name, label, package in (
        ("pettingzoo", "AEC loop, random actions, tic-tac-toe", "pettingzoo"),
        ("sb3", "DQN.collect_rollouts, same game", "stable-baselines3"),
    ):
        key = f"selfplay.vs_{name}"
        if name in missing:
            figures.append(not_measured(key, "x", "higher", missing[name], label))
            continue
        peer = f"{package} {metadata.version(package)}, {label}"
        figures.append(
            Figure(key, rate["acting"] / rate[name], "x", "higher", repeats, peer, f"{rate[name]:.0f} decisions/s")
        )
    return figures


def default_policy() -> tuple[NetworkSpec, Policy]:
    """The default network with a head that prefers something."""
    encoder, random = Encoder(RINGSIDE), np.random.default_rng(0)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, Settings().hidden_layers(headless=True))
    flat = draw(spec, random)
    head = split(flat, spec)["head.weight"]
    head[:] = random.normal(0.0, 0.1, head.shape)
    return spec, Policy(spec, flat, 1)


def selfplay() -> SelfPlay:
    """Self-play of the default policy, past its first battles."""
    spec, policy = default_policy()
    battles = RINGSIDE.new_battles(NUM_BATTLES, 1)
    play = SelfPlay(battles, spec.observation_size, spec.num_actions, np.random.default_rng(1), TURNS)
    play.seat([BatchedAgent("policy", policy, Settings().exploration_fraction)], np.zeros((2, NUM_BATTLES), np.int64))
    for _ in range(WARM_UP_TURNS // TURNS):
        play.collect()
    return play


def acting() -> Callable[[], float]:
    """Seconds a decision of self-play, everything recorded."""
    play = selfplay()

    def measure() -> float:
        begun = time.perf_counter()
        collected = play.collect()
        seconds = time.perf_counter() - begun
        assert len(collected.columns["action"]) > 0.9 * collected.decisions
        return seconds / collected.decisions

    return measure


def matrix_products() -> Callable[[], float]:
    """Seconds a row of the network's three products, into memory that is there."""
    spec, policy = default_policy()
    weights = [array for name, array in policy.to_arrays().items() if name.endswith(".weight")]
    rows = [np.ones((NUM_BATTLES, spec.observation_size), np.float32)]
    rows += [np.empty((NUM_BATTLES, weight.shape[1]), np.float32) for weight in weights]

    def measure() -> float:
        begun = time.perf_counter()
        for _ in range(TURNS):
            for inputs, weight, outputs in zip(rows, weights, rows[1:], strict=False):
                np.matmul(inputs, weight, out=outputs)
        return (time.perf_counter() - begun) / (TURNS * NUM_BATTLES)

    return measure


def rules_alone() -> Callable[[], float]:
    """Seconds a turn of the batched rules with random legal actions; nothing encoded, nothing recorded."""
    battles = VectorBattle(NUM_BATTLES, 2, drawn_lineups("2v2"))
    random = np.random.default_rng(0)
    masks = np.zeros((NUM_BATTLES, 11), np.bool_)

    def turn() -> None:
        write_masks(View(battles), masks)
        lots = random.integers(1, 256, masks.shape, np.uint8)
        lots *= masks
        battles.step(lots.argmax(1))

    for _ in range(WARM_UP_TURNS):
        turn()

    def measure() -> float:
        begun = time.perf_counter()
        for _ in range(TURNS):
            turn()
        return (time.perf_counter() - begun) / (TURNS * NUM_BATTLES)

    return measure


def pettingzoo_loop() -> Callable[[], float]:
    """Seconds a decision of PettingZoo's own AEC loop with random legal actions."""
    from pettingzoo.classic import tictactoe_v3

    env = tictactoe_v3.env()

    def measure() -> float:
        done, begun = 0, time.perf_counter()
        while done < PEER_STEPS:
            env.reset(seed=done)
            for agent in env.agent_iter():
                observation, _, terminated, truncated, _ = env.last()
                action = None if terminated or truncated else env.action_space(agent).sample(observation["action_mask"])
                env.step(action)
                done += action is not None
        return (time.perf_counter() - begun) / done

    return measure


def sb3_collecting() -> Callable[[], float]:
    """Seconds a decision of stable-baselines3 collecting for its DQN: the same rules, a policy in every seat."""
    import gymnasium
    import torch
    from stable_baselines3 import DQN

    torch.set_num_threads(1)
    spec, _ = default_policy()
    encoder = Encoder(RINGSIDE)

    class Single(gymnasium.Env[Any, Any]):  # type: ignore[misc]  # an extra that mypy skips
        """Both seats decide in turn; what is illegal becomes the first legal action, since DQN knows no masks."""

        observation_space = gymnasium.spaces.Box(-10.0, 10.0, (spec.observation_size,), np.float32)
        action_space = gymnasium.spaces.Discrete(spec.num_actions)

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            super().reset(seed=seed)
            self.battle = RINGSIDE.new_battle(int(self.np_random.integers(2**40)))
            return encoder.encode(self.battle.state(), self.battle.seat or 0), {}

        def step(self, action: Any) -> Any:
            mask = self.battle.action_mask()
            self.battle.apply(int(action) if mask[int(action)] else mask.index(True))
            over = self.battle.outcome is not None
            return encoder.encode(self.battle.state(), self.battle.seat or 0), 0.0, over, False, {}

    kwargs = {"net_arch": list(spec.hidden)}
    model = DQN(
        "MlpPolicy",
        Single(),
        policy_kwargs=kwargs,
        learning_starts=0,
        train_freq=(PEER_STEPS + 1, "step"),
        exploration_initial_eps=0.04,
        buffer_size=20_000,
        device="cpu",
    )
    model.learn(1)

    def measure() -> float:
        begun = time.perf_counter()
        model.learn(PEER_STEPS, reset_num_timesteps=False)  # collects; the next update would be one step later
        return (time.perf_counter() - begun) / PEER_STEPS

    return measure


# ------------------------------------------------------------------------------------------------------ processes


def collect_for(seconds: float, pipe: Connection) -> None:
    """In a process of its own: collect until the time is over, once told to begin."""
    play, process = selfplay(), psutil.Process()
    pipe.send_bytes(b"ready")
    pipe.recv_bytes()
    decisions, begun, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begun < seconds:
        decisions += play.collect().decisions
    wall, used = time.perf_counter() - begun, time.process_time() - used
    pipe.send_bytes(f"{decisions / wall} {process.memory_info().rss / 2**20} {used / wall}".encode())


def workers(repeats: int) -> dict[int, tuple[float, float, float]]:
    """By number of processes, 1 and 2: summed decisions a second, memory of one in MB, share of a core each had."""
    found: dict[int, list[tuple[float, float, float]]] = {1: [], 2: []}
    for _ in range(repeats):
        for count in found:
            found[count].append(together(count))
    return {count: tuple(np.median(values, 0).tolist()) for count, values in found.items()}


def together(count: int) -> tuple[float, float, float]:
    """So many processes at the same time: their summed rate, the largest one's memory, the smallest share of a core."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [context.Process(target=collect_for, args=(SECONDS_TOGETHER, theirs)) for _, theirs in pairs]
    try:
        for process in processes:
            process.start()
        for ours, _ in pairs:
            ours.recv_bytes()
        for ours, _ in pairs:
            ours.send_bytes(b"go")
        found = [tuple(map(float, ours.recv_bytes().decode().split())) for ours, _ in pairs]
    finally:
        for process in processes:
            process.join(30.0)
            process.kill()
    rates, memory, shares = zip(*found, strict=True)
    return sum(rates), max(memory), min(shares)
