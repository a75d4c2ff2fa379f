"""What a process of bulk training answers, without the process: rows, results and verdicts."""

from __future__ import annotations

import json
from multiprocessing import Pipe
from typing import Any

import numpy as np

from cornerman.contract import BatchedGame
from cornerman.evaluation.gate import Gate, GateSettings
from cornerman.experience.encoder import Encoder
from cornerman.experience.transitions import faults, fit
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.worker import BATCHED, BESIDE, PRESENT, SCALAR, TURNS, Worker, receive, send
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Choosing

HIDDEN = (8,)


def flat(game: Any, seed: int) -> Any:
    encoder, random = Encoder(game), np.random.default_rng(seed)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, HIDDEN)
    values = draw(spec, random)
    values[-9 * encoder.num_actions :] = random.normal(size=9 * encoder.num_actions)
    return values


def order(mix: dict[str, float], beside: dict[str, float] | None = None) -> dict[str, Any]:
    return {
        "kind": "collect",
        "versions": {PRESENT: 12, "version 3": 3},
        "mix": mix,
        "mix_beside": beside or {"itself": 1.0},
        "epsilon": 0.05,
        "n_step": 3,
        "gamma": 0.99,
    }


def test_a_batched_game_and_beside_it_the_rivals_that_cannot_play_in_batches() -> None:
    worker = Worker(RINGSIDE, HIDDEN, 1, 0)
    arrays = {PRESENT: flat(RINGSIDE, 0), "version 3": flat(RINGSIDE, 1)}
    mix = {"itself": 0.4, "version 3": 0.3, "brawler": 0.3}
    met: set[tuple[str, str]] = set()
    for _ in range(2):
        columns, notes = worker.obey(arrays, order(mix, {"itself": 0.5, "tactician": 0.5}))
        met |= {(first, second) for first, second, *_ in notes["tallies"]}
        assert fit(columns, 57, 11) is None
        assert not any(wrong.any() for wrong in faults(columns).values())
    assert notes["decisions"] == TURNS * (BATCHED + BESIDE)
    assert set(columns["version"].tolist()) == {12, 3, -1}
    own = np.bincount(columns["action"][columns["version"] == 12], minlength=11)
    assert notes["actions"] == own.tolist()
    names = {name for pair in met for name in pair}
    assert names == {PRESENT, "version 3", "brawler", "tactician"}
    assert {(PRESENT, "brawler"), ("brawler", PRESENT)} <= met, "the present policy sits on either side"


def test_a_game_without_batches_is_played_by_its_own_rules() -> None:
    game = Choosing()
    assert not isinstance(game, BatchedGame)
    worker = Worker(game, HIDDEN, 1, 0)
    bot = next(iter(game.bots))
    columns, notes = worker.obey({PRESENT: flat(game, 0)}, order({"itself": 0.5, bot: 0.5}))
    assert notes["decisions"] == TURNS * SCALAR
    assert notes["battles"] > 0
    assert not any(wrong.any() for wrong in faults(columns).values())
    assert {name for first, second, *_ in notes["tallies"] for name in (first, second)} == {PRESENT, bot}


def test_the_verdict_is_the_gates_of_the_game() -> None:
    worker = Worker(RINGSIDE, HIDDEN, 1, 0)
    arrays = {name: flat(RINGSIDE, seed) for seed, name in enumerate(("candidate", "champion", "oldest"))}
    judge = {"kind": "judge", "candidate": 4, "seed": 9, "min_pairs": 2, "max_pairs": 5}
    _, notes = worker.obey(arrays, judge)
    encoder = Encoder(RINGSIDE)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, HIDDEN)
    candidate, champion, oldest = (Policy(spec, array) for array in arrays.values())
    gate = Gate(candidate, champion, RINGSIDE, encoder, 9, GateSettings(2, 5), oldest=oldest)
    while gate.verdict is None:
        gate.advance(1000)
    assert notes == {"verdict": gate.verdict.as_dict(), "candidate": 4}


def test_workers_of_other_numbers_play_other_battles() -> None:
    rows = []
    for number in (0, 1, 0):
        columns, _ = Worker(RINGSIDE, HIDDEN, 1, number).obey({PRESENT: flat(RINGSIDE, 0)}, order({"itself": 1.0}))
        rows.append(columns["observation"][:500])
    assert (rows[0] == rows[2]).all()
    assert not (rows[0] == rows[1]).all()


def test_messages_arrive_as_they_were_sent() -> None:
    ours, theirs = Pipe()
    arrays = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "b": np.array([True, False])}
    send(ours, arrays, {"kind": "collect", "mix": {"itself": 1.0}})
    found, notes = receive(theirs)
    assert notes == json.loads('{"kind": "collect", "mix": {"itself": 1.0}}')
    assert all((found[name] == array).all() and found[name].dtype == array.dtype for name, array in arrays.items())
