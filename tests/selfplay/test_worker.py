"""Answers of a worker, without its process: transitions, results and verdicts."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cornerman.contract import HeadlessGame
from cornerman.evaluation.gate import Gate, GateSettings
from cornerman.evaluation.verdict import Bar
from cornerman.experience.encoder import Encoder
from cornerman.experience.transitions import faults, fit
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.orders import PRESENT, collecting, judging
from cornerman.selfplay.worker import BULK, Worker
from cornerman.settings import Settings, with_values
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Choosing

HIDDEN = (8,)


def flat(game: HeadlessGame, seed: int) -> Any:
    encoder, random = Encoder(game), np.random.default_rng(seed)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, HIDDEN)
    values = draw(spec, random)
    values[-9 * encoder.num_actions :] = random.normal(size=9 * encoder.num_actions)
    return values


def order(mix: dict[str, float], beside: dict[str, float] | None = None, settings: Any = None) -> dict[str, Any]:
    chosen, versions = with_values(Settings(), settings or {}, "the test"), {PRESENT: 12, "version 3": 3}
    return collecting(chosen, versions, mix, beside or {"itself": 1.0})


def test_collect_plays_a_batched_game_and_beside_it_bots_that_cannot_play_in_batches() -> None:
    worker = Worker(RINGSIDE, HIDDEN, 1, 0)
    arrays = {PRESENT: flat(RINGSIDE, 0), "version 3": flat(RINGSIDE, 1)}
    mix = {"itself": 0.4, "version 3": 0.3, "brawler": 0.3}
    met: set[tuple[str, str]] = set()
    for _ in range(2):
        columns, notes = worker.obey(arrays, order(mix, {"itself": 0.5, "planner": 0.5}))
        met |= {(first, second) for first, second, *_ in notes["tallies"]}
        assert fit(columns, 57, 11) is None
        assert not any(wrong.any() for wrong in faults(columns).values())
    assert notes["decisions"] == BULK.turns * (BULK.batched + BULK.beside)
    assert set(columns["version"].tolist()) == {12, 3, -1}
    own = np.bincount(columns["action"][columns["version"] == 12], minlength=11)
    assert notes["actions"] == own.tolist()
    names = {name for pair in met for name in pair}
    assert names == {PRESENT, "version 3", "brawler", "planner"}
    assert {(PRESENT, "brawler"), ("brawler", PRESENT)} <= met, "the present policy sits on either side"


@pytest.mark.parametrize("game", [RINGSIDE, Choosing()], ids=["batched", "scalar"])
def test_collect_uses_the_reward_weights_of_its_order(game: HeadlessGame) -> None:
    rewards = []
    for health_weight, outcome_weight in ((1.0, 0.0), (0.0, 3.0), (0.25, 3.0)):
        weights = {"health_weight": health_weight, "outcome_weight": outcome_weight}
        collect = order({"itself": 1.0}, settings={**weights, "n_step": 1, "gamma": 1.0})
        columns, _ = Worker(game, HIDDEN, 1, 0).obey({PRESENT: flat(game, 0)}, collect)
        rewards.append(columns["reward"])
    health, outcome, both = rewards
    assert 0.0 < np.abs(health).max() < 3.0
    assert set(outcome.tolist()) == {-3.0, 0.0, 3.0}
    np.testing.assert_allclose(both, 0.25 * health + outcome, 0.0, 1e-6)


def test_collect_keeps_no_policy_of_earlier_orders() -> None:
    """Bulk training of a night meets hundreds of champions; a worker holds those of one order."""
    game = Choosing()
    worker = Worker(game, HIDDEN, 1, 0)
    before = policies_alive()
    for version in range(30):
        name = f"version {version}"
        settings = collecting(Settings(), {PRESENT: 99, name: version}, {"itself": 0.5, name: 0.5}, {"itself": 1.0})
        _, notes = worker.obey({PRESENT: flat(game, 0), name: flat(game, version)}, settings)
    assert {name for pair in notes["tallies"] for name in pair[:2]} == {PRESENT, "version 29"}
    assert policies_alive() - before <= 2


def policies_alive() -> int:
    gc.collect()
    return sum(type(thing) is Policy for thing in gc.get_objects())


def test_judge_gives_the_verdict_of_the_gate_in_one_answer_or_in_many() -> None:
    encoder = Encoder(RINGSIDE)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, HIDDEN)
    oldest, champion, candidate = (Policy(spec, flat(RINGSIDE, seed)) for seed in (2, 1, 0))
    gate = Gate(candidate, champion, RINGSIDE, encoder, 9, GateSettings(2, 5, 400), oldest=oldest)
    while gate.verdict is None:
        gate.advance(1000)
    bounds, worker = replace(Settings(), gate_min_pairs=2, gate_max_pairs=5), Worker(RINGSIDE, HIDDEN, 1, 0)
    whole = judging(candidate, [oldest, champion], bounds, 9, None, Bar())
    assert worker.obey(*whole)[1] == {"verdict": gate.verdict.as_dict(), "pairs": gate.pairs, "judged": 9}
    part = judging(candidate, [oldest, champion], bounds, 9, 100, Bar())
    answers = [worker.obey(*part)[1]]
    while answers[-1]["verdict"] is None:
        answers.append(worker.obey(*part)[1])
    assert len(answers) > 2
    assert answers[-1]["verdict"] == gate.verdict.as_dict()
    assert [answer["pairs"] for answer in answers] == sorted(answer["pairs"] for answer in answers)


def test_measure_lets_every_two_bots_meet() -> None:
    _, notes = Worker(RINGSIDE, HIDDEN, 1, 0).obey({}, {"kind": "measure", "seed": 0, "battles": 2})
    assert [row[:2] for row in notes["met"][:3]] == [["random", name] for name in ("brawler", "tactician", "planner")]
    assert all(0.0 <= score <= battles == 2 for _, _, score, battles in notes["met"])


def test_workers_of_other_numbers_play_other_battles() -> None:
    rows = []
    for number in (0, 1, 0):
        columns, _ = Worker(RINGSIDE, HIDDEN, 1, number).obey({PRESENT: flat(RINGSIDE, 0)}, order({"itself": 1.0}))
        rows.append(columns["observation"][:500])
    assert (rows[0] == rows[2]).all()
    assert not (rows[0] == rows[1]).all()
