"""ahead.py: an answer is used for the decision it was found for, and for no other; nobody waits who must not."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.search.ahead import Ahead
from cornerman.search.thought import Due, Thought, seen_as

SPEC = NetworkSpec(2, 3, ())
CHAMPION, OTHER = (Policy(SPEC, np.full(SPEC.num_parameters, each, np.float32)) for each in (1.0, 2.0))
SEEN, MASK = np.array([0.5, 1.0], np.float32), np.array([True, False, True])


class Worker:
    """A worker whose answers the test gives."""

    def __init__(self) -> None:
        self.knows: Policy | None = CHAMPION
        self.thought: Thought | None = None
        self.dues: list[Due] = []
        self.refuses = False

    def due(self, due: Due) -> None:
        if self.refuses:
            raise ValueError("a state holds game.Deck, which is no plain data")
        self.dues.append(due)

    def answer(self, action: int, seen: Any = SEEN, mask: Any = MASK, **more: Any) -> None:
        given = {"number": self.dues[-1].number, "seen": seen_as(seen, mask), "ended": False, **more}
        self.thought = Thought(action=action, **given)


@pytest.fixture
def worker() -> Worker:
    return Worker()


def asked(ahead: Ahead, battle: int = 1, seat: int = 0, champion: Policy = CHAMPION, seen: Any = SEEN) -> int | None:
    thought = ahead.thought(battle, seat, {"x": 1}, seen, MASK, champion)
    return None if thought is None else thought.action


def test_best_action_so_far_is_taken_for_the_decision_that_was_due(worker: Worker) -> None:
    ahead = Ahead(worker, 5, 0.0, print)
    ahead.due(1, 0, {"x": 1}, [True, False, True], CHAMPION)
    assert worker.dues == [Due(1, 0, {"x": 1}, [True, False, True], 6)]
    worker.answer(2)
    assert asked(ahead) == 2
    assert asked(ahead) is None, "a decision is answered once"
    assert ahead.actions == 1


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ({}, {"battle": 2}),
        ({}, {"seat": 1}),
        ({}, {"champion": OTHER}),
        ({}, {"seen": SEEN + 1}),
        ({"number": 0}, {}),
        ({"mask": ~MASK}, {}),
        ({"seen": SEEN * 2}, {}),
    ],
)
def test_answer_to_anything_else_is_not_taken(worker: Worker, answer: Any, question: Any) -> None:
    ahead = Ahead(worker, 5, 0.0, print)
    ahead.due(1, 0, {}, MASK.tolist(), CHAMPION)
    worker.answer(2, **answer)
    assert asked(ahead, **question) is None
    assert ahead.actions == 0


def test_nothing_is_asked_or_awaited_where_no_worker_knows_the_champion(worker: Worker) -> None:
    for each, champion in ((None, CHAMPION), (worker, OTHER)):
        ahead = Ahead(each, 5, 9.0, print)
        ahead.settle()
        ahead.due(1, 0, {}, MASK.tolist(), champion)
        begun = time.monotonic()
        assert asked(ahead, champion=champion) is None
        assert time.monotonic() - begun < 1.0
    assert worker.dues == []


def test_answer_is_awaited_to_its_end_only_where_asked_for(worker: Worker) -> None:
    for wait_s in (0.0, 0.05):
        ahead = Ahead(worker, 5, wait_s, print)
        ahead.settle()
        ahead.due(1, 0, {}, MASK.tolist(), CHAMPION)
        worker.answer(0, ended=False)
        begun = time.monotonic()
        assert asked(ahead) == 0
        assert (time.monotonic() - begun >= 0.05) == bool(wait_s)
    ahead = Ahead(worker, 5, 60.0, print)
    ahead.settle()
    ahead.due(1, 0, {}, MASK.tolist(), CHAMPION)
    worker.answer(2, ended=True)
    assert asked(ahead) == 2


def test_decision_that_nothing_announced_is_asked_for_only_where_it_may_wait(worker: Worker) -> None:
    ahead = Ahead(worker, 5, 0.01, print)
    ahead.settle()
    for _ in range(2):
        assert asked(ahead) is None, "nobody has answered yet"
    assert [due.number for due in worker.dues] == [1, 2]
    assert worker.dues[0] == Due(1, 0, {"x": 1}, MASK.tolist(), 6)
    ahead.frame()
    assert asked(ahead) is None
    assert len(worker.dues) == 2


@pytest.mark.parametrize("drawn", [True, False])
def test_nothing_waits_in_a_game_that_draws_or_never_settles(worker: Worker, drawn: bool) -> None:
    ahead = Ahead(worker, 5, 60.0, print)
    if drawn:
        ahead.settle()
        ahead.frame()
        ahead.settle()
    ahead.due(1, 0, {}, MASK.tolist(), CHAMPION)
    worker.answer(0, ended=False)
    assert asked(ahead) == 0


@pytest.mark.parametrize("refuses", [True, False])
def test_game_that_cannot_be_restored_ends_looking_ahead_after_ten_decisions(worker: Worker, refuses: bool) -> None:
    said: list[str] = []
    ahead, worker.refuses = Ahead(worker, 5, 0.0, said.append), refuses
    for _ in range(13):
        ahead.due(1, 0, {}, MASK.tolist(), CHAMPION)
        if worker.dues:
            worker.answer(-1, problem="restore failed with KeyError: 'x'")
        assert asked(ahead) is None
    why = "a state holds game.Deck, which is no plain data" if refuses else "restore failed with KeyError: 'x'"
    assert said == [
        f"Look-ahead failed for a decision, which was taken without it: {why}.",
        f"Look-ahead is off, as it failed for 10 of 10 decisions: {why}.",
    ]
    assert refuses or len(worker.dues) == 10


def test_restore_that_fails_in_rare_states_costs_these_decisions_alone(worker: Worker) -> None:
    said: list[str] = []
    ahead = Ahead(worker, 5, 0.0, said.append)
    for number in range(30):
        ahead.due(1, 0, {}, MASK.tolist(), CHAMPION)
        if number % 3:
            worker.answer(2)
        else:
            worker.answer(-1, problem="restore failed with KeyError: 'x'")
        asked(ahead)
    assert ahead.actions == 20
    assert len(said) == 1


def test_slow_restore_is_reported_once_and_its_answers_are_taken(worker: Worker) -> None:
    said: list[str] = []
    ahead = Ahead(worker, 5, 0.01, said.append)
    ahead.settle()
    for _ in range(3):
        ahead.due(1, 0, {}, MASK.tolist(), CHAMPION)
        worker.answer(2, slow="restore takes 50 ms")
        assert asked(ahead) == 2
    assert said == ["Look-ahead is slow: restore takes 50 ms."]


def test_mask_that_cannot_be_read_costs_look_ahead_with_a_sentence(worker: Worker) -> None:
    said: list[str] = []
    ahead = Ahead(worker, 5, 0.0, said.append)
    ahead.due(1, 0, {}, None, CHAMPION)  # type: ignore[arg-type]  # as a game with a fault may
    assert ": a decision could not be read: TypeError: " in said[0]
    assert asked(ahead) is None
