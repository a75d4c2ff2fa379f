"""Swapping what plays while it plays: every decision is one version's, and a battle goes on through a swap."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from cornerman.contract import CANDIDATE, Transition
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import PolicySlot, name_of
from cornerman.policy.q_network import NetworkSpec
from game_adapter.ringside.game import RINGSIDE
from tests.support.opinions import opinion
from tests.support.table import Table
from tests.support.waiting import wait_for

DECISIONS, OBSERVATIONS, VERSIONS = 100_000, 512, 6
SPEC = NetworkSpec(18, 8, (16,))


def test_every_decision_is_exactly_one_versions_while_another_thread_swaps_as_fast_as_it_can() -> None:
    random = np.random.default_rng(0)
    observations = random.normal(size=(OBSERVATIONS, SPEC.observation_size)).astype(np.float32)
    policies = [Policy(SPEC, opinion(SPEC, version), version) for version in range(VERSIONS)]
    expected = [[policy.q_values(observation) for observation in observations] for policy in policies]
    assert len({values[0].tobytes() for values in expected}) == VERSIONS
    slot, stop, swaps = PolicySlot([policies[0]]), threading.Event(), 0

    def swap() -> None:
        nonlocal swaps
        while not stop.is_set():
            slot.promote(policies[swaps % VERSIONS])
            swaps += 1

    swapper, interval = threading.Thread(target=swap), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that the threads change places within decisions, many times over
    swapper.start()
    seen = [0] * VERSIONS
    try:
        for number in range(DECISIONS):
            at = number % OBSERVATIONS
            policy = slot.champion
            values = policy.q_values(observations[at])
            # Bit for bit the one version that was read, so no other's weights or buffers entered it.
            assert values.tobytes() == expected[policy.version][at].tobytes()
            seen[policy.version] += 1
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        swapper.join()
    assert swaps > 1000
    assert min(seen) > 0


def test_names_say_who_plays_also_where_nothing_is_stored_of_it() -> None:
    spec = NetworkSpec(2, 2, (2,))
    flat = np.zeros(spec.num_parameters, np.float32)
    assert name_of(None) == "the game's own fighter"
    names = [name_of(Policy(spec, flat, version)) for version in (3, -1, CANDIDATE)]
    assert names == ["version 3", "an untrained version", "the candidate on trial"]


def test_policy_answers_several_threads_at_once() -> None:
    observations = np.random.default_rng(1).normal(size=(64, SPEC.observation_size)).astype(np.float32)
    policy = Policy(SPEC, opinion(SPEC, 5), 5)
    expected = [policy.q_values(observation).tobytes() for observation in observations]
    wrong: list[int] = []

    def ask(first: int) -> None:
        for number in range(10_000):
            at = (first + number) % 64
            if policy.q_values(observations[at]).tobytes() != expected[at]:
                wrong.append(at)

    threads = [threading.Thread(target=ask, args=(first,)) for first in (0, 13, 31)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_swap_in_mid_battle_leaves_the_battle_playable_and_its_rows_name_who_decided(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        slot = table.plugin.slot
        spec = slot.champion.spec

        def each_turn(match: Any, turn: int) -> None:
            slot.promote(Policy(spec, opinion(spec, turn), turn + 100))

        table.play(2, each_turn=each_turn)
        assert len(set(table.versions)) > 10
        assert table.rejected == {}
        rows = [row for row in table.handed_over if isinstance(row, Transition)]
        decided = [row.version for row in rows if row.seat == 0]
        assert len(decided) > 10
        assert set(decided) == set(table.versions)


def test_promotions_by_a_trainer_that_learns_all_the_while(tmp_path: Path) -> None:
    always = {"training_window": "always", "practice": 5.0, "candidate_period": 1_000_000}
    with Table(RINGSIDE, tmp_path, **always) as table:
        slot = table.plugin.slot
        spec = slot.champion.spec
        policies = [Policy(spec, opinion(spec, version), version) for version in range(5)]

        def each_turn(match: Any, turn: int) -> None:
            if turn == 6:
                version = (slot.champion.version + 1) % 5
                table.plugin.training.call(lambda loop: slot.promote(policies[version]))
                wait_for(lambda: table.plugin.report()["version"] == version)

        table.play(12, each_turn=each_turn)
        assert set(table.versions) == {0, 1, 2, 3, 4}
        assert table.rejected == {}
        assert table.plugin.training.alive
