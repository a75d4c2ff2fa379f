"""Event queue: events enqueued on one thread and drained on another record the same as direct calls."""

from __future__ import annotations

import threading
import weakref
from collections import UserDict
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import pytest

from cornerman.contract import BattleEnd, Transition
from cornerman.experience import event_queue
from cornerman.experience.event_queue import DRAINED_AT_ONCE, MAX_EVENTS, MAX_ITEMS, EventQueue, copied
from tests.support.recordings import SEATS, WON, Bench, one_of, plain
from tests.support.sample_states import EVERY, TallDuel, duel_state


def thirty_turns(bench: Bench, battle_id: int = 1) -> None:
    bench.begin(battle_id=battle_id)
    for turn in range(30):
        bench.turn(turn % 2, duel_state(1 + turn // 4, 100, 100 - turn), battle_id=battle_id, action=turn % 3)
    bench.end(battle_id=battle_id)


def test_drain_records_what_direct_calls_record() -> None:
    at_once, late = Bench(), Bench(late=True)
    for bench in (at_once, late):
        thirty_turns(bench)
        bench.turn(0)
        thirty_turns(bench, 2)
    assert not late.out
    assert late.rejected == {}
    taken = list(late.news.items())
    assert [isinstance(item, BattleEnd) for item in taken] == ([False] * 30 + [True]) * 2
    rows = [plain(item) for item in taken if isinstance(item, Transition)]
    assert rows == [plain(row) for row in at_once.rows]
    assert late.rejected == at_once.rejected == {"after the end": 1}
    with pytest.raises(IndexError):
        late.news.popleft()


@pytest.mark.parametrize("game", [None, TallDuel()])
def test_a_game_may_change_every_argument_after_the_call(game: Any) -> None:
    bench = Bench(game, late=True)
    bench.begin()
    state = {**duel_state(1, 80, 60), "field": {"heights": [0.5, -0.5]}}
    before, mask = deepcopy(state), [True, True, False]
    outcome: dict[int, int] = {}
    bench.turn(0, state, action_mask=mask)
    state["characters"][0]["health"] = 1
    state["field"]["heights"][0] = 9.0
    bench.end(outcome, truncated=True)
    state["characters"].clear()
    state.clear()
    mask[:] = [False] * 3
    outcome[0] = 1
    bench.news.drain()
    (row,) = bench.rows
    np.testing.assert_array_equal(row.observation, bench.encoder.encode(before, 0))
    np.testing.assert_array_equal(row.next_observation, row.observation)
    assert row.action_mask.tolist() == [True, True, False]
    assert bench.ends[0].outcome == {}


def test_forget_drops_earlier_events_and_records_later_ones() -> None:
    bench = Bench(late=True)
    thirty_turns(bench, 1)
    bench.begin(battle_id=2)
    bench.turn(0, battle_id=2, action=99)
    bench.news.forget()
    assert (list(bench.out), bench.rejected, bench.recorder.recorded) == ([], {}, 0)
    bench.turn(0, battle_id=2)
    bench.end(battle_id=2)
    bench.news.drain()
    assert [row.battle_id for row in bench.rows] == [2]
    assert bench.rejected == {}


def test_a_queue_that_nobody_drains_stays_bounded_and_loses_nothing() -> None:
    bench = Bench(late=True)
    for battle_id in range(200):
        thirty_turns(bench, battle_id)
        assert len(bench.news) <= MAX_EVENTS + 2
    bench.news.drain()
    assert bench.recorder.recorded == 200 * 30
    assert bench.rejected == {}


@pytest.mark.parametrize("what", ["chose", "start", "end", "abandon"])
def test_events_without_turns_are_bounded_too(what: str) -> None:
    bench, more = Bench(late=True), {"chose": (0, 0, 1), "start": (SEATS,), "end": (WON,), "abandon": ()}
    for battle_id in range(2 * MAX_EVENTS):
        getattr(bench.news, what)(battle_id, *more[what])
    assert len(bench.news) <= MAX_EVENTS


def test_an_end_that_is_neither_true_nor_false_is_the_games_own_error() -> None:
    bench = Bench(late=True)
    with pytest.raises(ValueError, match="ambiguous"):
        bench.end(truncated=np.array([True, False]))  # type: ignore[arg-type]
    bench.news.drain()


@pytest.mark.parametrize("game", [None, TallDuel()])
def test_what_cannot_be_copied_is_rejected_with_what_it_raised_and_not_held(game: Any) -> None:
    bench, state = Bench(game, late=True), Closed(duel_state())
    known = weakref.ref(state)
    bench.begin()
    bench.turn(0, state)
    del state
    assert known() is None
    bench.news.drain()
    assert "the save is closed" in one_of(bench, "error")


def test_enqueueing_never_waits_for_whoever_drains() -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Slow(TallDuel):
        def encode(self, state: Any, seat: int) -> list[float]:
            entered.set()
            assert go_on.wait(30.0)
            return [0.0]

    bench = Bench(Slow(), late=True)
    bench.begin()
    bench.turn(0)
    drain = threading.Thread(target=bench.news.drain)
    drain.start()
    assert entered.wait(30.0)
    for _ in range(MAX_EVENTS + DRAINED_AT_ONCE):
        bench.turn(0)
    bench.news.drain()
    assert len(bench.news) == MAX_EVENTS + DRAINED_AT_ONCE
    go_on.set()
    drain.join()
    bench.end()
    bench.news.drain()
    assert bench.recorder.recorded == 1 + MAX_EVENTS + DRAINED_AT_ONCE


def test_keep_is_called_where_too_many_items_wait_and_nothing_is_lost() -> None:
    bench, kept = Bench(), list[Any]()
    events = EventQueue(bench.recorder, bench.out, False, lambda: kept.extend(events.items()))
    events.start(1, SEATS)
    for _ in range(3 * MAX_ITEMS):
        events.turn(1, 0, duel_state(), EVERY, 0, duel_state())
        assert len(bench.out) <= MAX_ITEMS + DRAINED_AT_ONCE
    events.abandon(1)
    kept += events.items()
    assert len(kept) == 3 * MAX_ITEMS  # the last decision is open, and the end takes its place


def test_enqueue_and_drain_on_two_threads() -> None:
    bench, taken, over = Bench(late=True), list[Any](), threading.Event()

    def read() -> None:
        while not over.is_set():
            taken.extend(bench.news.items())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for battle_id in range(100):
            thirty_turns(bench, battle_id)
    finally:
        over.set()
        reader.join()
    taken.extend(bench.news.items())
    assert [item.battle_id for item in taken] == [battle_id for battle_id in range(100) for _ in range(31)]
    assert bench.rejected == {}


def together(*calls: Callable[[], None]) -> None:
    """Each on a thread of its own."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_interleaved_battles_from_several_threads_lose_nothing() -> None:
    bench, alone = Bench(), Bench()
    thirty_turns(alone)
    wanted = sorted(plain(row) for row in alone.rows)

    def several(first: int) -> None:
        for battle_id in range(first, 24, 4):
            thirty_turns(bench, battle_id)

    together(*(partial(several, first) for first in range(4)))
    for battle_id in range(24):
        assert sorted(plain(row) for row in bench.rows if row.battle_id == battle_id) == wanted
    assert bench.recorder.recorded == len(bench.rows) == 24 * 30
    assert bench.rejected == {}


def test_copies_are_deep_and_plain() -> None:
    source: dict[str, Any] = {"a": [1, {"b": 2.0}], "c": (3, [4]), "d": "text", "e": None, "f": {5}, "g": np.arange(2)}
    copy = copied(source)
    source["a"][1]["b"] = 9
    source["c"][1][0] = 9
    source["f"].add(6)
    source["g"][0] = 9
    assert copy["a"] == [1, {"b": 2.0}]
    assert copy["c"] == (3, [4])
    assert (copy["d"], copy["e"], copy["f"]) == ("text", None, {5})
    assert copy["g"].tolist() == [0, 1]


class Closed(UserDict[str, Any]):
    """Something of the game's that raises whenever it is read."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("the save is closed")


class Weakened(dict[str, Any]):
    """A character whose stats are what it holds less what the battle did to them."""

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        return value / 2 if key == "attack" else value


@pytest.mark.parametrize("game", [None, TallDuel()])
def test_what_is_copied_is_what_the_policy_was_shown(game: Any) -> None:
    bench = Bench(game)
    state = {**duel_state(), "field": {"heights": [0.5, -0.5]}}
    state["characters"] = [Weakened(character) for character in state["characters"]]
    assert state["characters"][0]["attack"] > 0
    bench.begin()
    bench.turn(0, state)
    bench.end()
    assert bench.rejected == {}
    np.testing.assert_array_equal(bench.rows[0].observation, bench.encoder.encode(state, 0))


def test_a_state_without_characters_is_shown_as_the_game_gave_it() -> None:
    bench = Bench()
    bench.begin()
    bench.turn(0, {"round": 1, "charcters": []})
    assert "'charcters': []" in one_of(bench, "state")


def test_a_mask_that_cannot_be_copied() -> None:
    class Lock:
        def __deepcopy__(self, memo: object) -> Any:
            raise RuntimeError("the masks are locked")

    bench = Bench()
    bench.begin()
    bench.turn(0, action_mask=Lock())
    bench.turn(0, action_mask=np.array(EVERY))
    bench.end()
    assert "does not fit" in one_of(bench, "mask")
    assert len(bench.rows) == 1


def test_only_what_the_recorder_reads_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(event_queue, "deepcopy", lambda value: seen.append(value))
    for game in (None, TallDuel()):
        bench = Bench(game, late=True)
        bench.turn(0, {**duel_state(), "map": {1, 2}})
    assert seen == [{1, 2}, {1, 2}], "before and after, and only for the game that encodes its states itself"
