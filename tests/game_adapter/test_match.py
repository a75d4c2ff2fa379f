"""A battle told to the plugins: which hooks, in which order, with what; and nothing after the end."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from game_adapter.host.host import Host
from game_adapter.host.match import PLAYER, PLUGIN, SCRIPTED, Match
from game_adapter.ringside.battle import Battle
from game_adapter.ringside.game import RINGSIDE

NEWS = ("on_battle_start", "on_turn", "on_round_end", "on_round_start", "on_battle_end")


class Listener:
    """Stands in for a host with one plugin: keeps what it is told, as it was then, and answers with `opinion`."""

    def __init__(self, opinion: int | None = None) -> None:
        self.opinion = opinion
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.originals: list[Mapping[str, Any]] = []
        self.asked: list[dict[str, Any]] = []

    def tell(self, hook: str, **arguments: Any) -> None:
        self.calls.append((hook, copy.deepcopy(arguments)))
        self.originals.append(arguments)

    def choose_action(
        self, battle_id: int, seat: int, state: Mapping[str, Any], action_mask: Sequence[bool]
    ) -> int | None:
        self.asked.append({"battle_id": battle_id, "seat": seat, "state": state, "action_mask": action_mask})
        return self.opinion

    @property
    def hooks(self) -> list[str]:
        return [hook for hook, _ in self.calls]


def first_legal(battle: Battle, random: Random) -> int:
    return list(battle.action_mask()).index(True)


def last_legal(battle: Battle, random: Random) -> int:
    mask = list(battle.action_mask())
    return max(i for i, legal in enumerate(mask) if legal)


def match_of(listener: Listener, seats: Mapping[int, str] | None = None, seed: int = 5, **rest: Any) -> Match:
    seats = seats or {0: SCRIPTED, 1: SCRIPTED}
    return Match(
        cast(Host, listener),
        RINGSIDE.new_battle(seed),
        9,
        seats,
        rest.pop("fallback", RINGSIDE.bots["brawler"]),
        Random(seed),
        **rest,
    )


def play_out(match: Match) -> None:
    for _ in range(10_000):
        if match.over:
            return
        if match.between_rounds:
            match.start_round()
        else:
            match.play(match.decide())
    raise AssertionError("the battle does not end")


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_battle_is_told_in_the_order_of_the_contract(seed: int) -> None:
    listener = Listener()
    match = match_of(listener, seed=seed)
    play_out(match)
    assert listener.calls[0] == ("on_battle_start", {"battle_id": 9, "seats": {0: SCRIPTED, 1: SCRIPTED}})
    assert listener.hooks.count("on_battle_start") == listener.hooks.count("on_battle_end") == 1
    assert set(listener.hooks) <= set(NEWS)
    assert all(arguments["battle_id"] == 9 for _, arguments in listener.calls)

    round_now, window_open, state = 1, False, None
    for hook, said in listener.calls[1:-2]:
        if hook == "on_turn":
            assert not window_open, "nobody moves while the training window is open"
            assert said["state"]["round"] == round_now
            assert said["action_mask"][said["action"]], "what was done was legal"
            assert len(said["action_mask"]) == len(RINGSIDE.action_names)
            assert state is None or said["state"] == state, "a turn begins where the last one ended"
            state = said["next_state"]
        elif hook == "on_round_end":
            assert (said["round"], window_open) == (round_now, False)
            window_open = True
        else:
            assert (hook, said["round"], window_open) == ("on_round_start", round_now + 1, True)
            window_open, round_now = False, round_now + 1
    assert round_now == match.battle.round > 1
    assert listener.calls[-2] == (
        "on_battle_end",
        {"battle_id": 9, "outcome": match.battle.outcome, "truncated": False},
    )
    assert listener.calls[-1] == ("on_round_end", {"battle_id": 9, "round": round_now}), "after the end it may learn"


def test_the_seat_of_a_turn_is_the_one_whose_turn_it_was() -> None:
    listener = Listener()
    match = match_of(listener)
    seats = []
    while not match.over:
        match.start_round()
        seats.append(match.seat_to_play)
        match.play(match.decide())
    assert [said["seat"] for hook, said in listener.calls if hook == "on_turn"] == seats
    assert set(seats) == {0, 1}


def test_what_was_told_is_never_changed_later() -> None:
    listener = Listener()
    play_out(match_of(listener))
    for (hook, then), now in zip(listener.calls, listener.originals, strict=True):
        assert now == then, f"{hook} was told something that changed afterwards"


def test_an_illegal_action_raises_the_sentence_of_the_rules_and_changes_nothing() -> None:
    listener = Listener()
    match = match_of(listener, {0: PLAYER, 1: PLAYER})
    illegal = list(match.action_mask).index(False)
    state, mask, told = match.battle.state(), match.action_mask, len(listener.calls)
    with pytest.raises(ValueError, match=r"\w+ \w+") as expected:
        RINGSIDE.new_battle(5).apply(illegal)
    with pytest.raises(ValueError, match=r"\w+ \w+") as caught:
        match.play(illegal)
    assert str(caught.value) == str(expected.value)
    assert (match.state, match.battle.state(), match.action_mask, len(listener.calls)) == (state, state, mask, told)
    match.play(match.action_mask.index(True))
    assert listener.hooks[told] == "on_turn"


def test_no_action_is_taken_between_rounds() -> None:
    listener = Listener()
    match = match_of(listener)
    while not match.between_rounds:
        match.play(match.decide())
    told, state = len(listener.calls), match.battle.state()
    assert match.seat_to_play is None
    with pytest.raises(ValueError, match="No action is due"):
        match.play(0)
    with pytest.raises(RuntimeError):
        match.decide()
    assert (len(listener.calls), match.battle.state()) == (told, state)
    match.start_round()
    match.start_round()
    assert listener.hooks[told:] == ["on_round_start"], "a round starts once"


def test_the_plugin_decides_where_it_sits_and_only_there() -> None:
    listener = Listener()
    match = match_of(listener, {0: PLUGIN, 1: SCRIPTED}, fallback=first_legal)
    own = 0
    while not match.over:
        match.start_round()
        listener.opinion = last_legal(cast(Battle, match.battle), Random(0))
        decided = match.decide()
        if match.seat_to_play == 0:
            own += 1
            assert decided == listener.opinion
            assert listener.asked[-1] == {
                "battle_id": 9,
                "seat": 0,
                "state": match.state,
                "action_mask": match.action_mask,
            }
        else:
            assert decided == first_legal(cast(Battle, match.battle), Random(0))
        match.play(decided)
    assert len(listener.asked) == own > 0


def test_without_an_opinion_the_fallback_moves() -> None:
    listener = Listener(opinion=None)
    match = match_of(listener, {0: PLUGIN, 1: PLUGIN}, fallback=last_legal)
    assert match.decide() == last_legal(cast(Battle, match.battle), Random(0))
    assert len(listener.asked) == 1


def test_a_seat_may_have_a_scripted_fighter_of_its_own() -> None:
    match = match_of(Listener(), fallback=first_legal, bots={0: last_legal})
    seen = set()
    for _ in range(6):
        match.start_round()
        seat, battle = match.seat_to_play, cast(Battle, match.battle)
        assert match.decide() == (last_legal if seat == 0 else first_legal)(battle, Random(0))
        seen.add(seat)
        match.play(match.decide())
    assert seen == {0, 1}


def test_a_players_seat_is_not_decided_for() -> None:
    listener = Listener(opinion=0)
    match = match_of(listener, {0: PLAYER, 1: PLAYER})
    with pytest.raises(RuntimeError, match="player"):
        match.decide()
    assert listener.asked == []


def test_leaving_cuts_the_battle_off_once_without_a_result() -> None:
    listener = Listener()
    match = match_of(listener)
    match.play(match.decide())
    match.abandon()
    match.abandon()
    assert match.over
    assert listener.hooks == ["on_battle_start", "on_turn", "on_battle_end", "on_round_end"]
    assert listener.calls[2][1] == {"battle_id": 9, "outcome": {0: 0, 1: 0}, "truncated": True}


@pytest.mark.parametrize("leave", [True, False])
def test_nothing_is_told_after_the_end(leave: bool) -> None:
    listener = Listener()
    match = match_of(listener)
    if leave:
        match.abandon()
    else:
        play_out(match)
    told = len(listener.calls)
    assert match.seat_to_play is None
    match.start_round()
    match.abandon()
    with pytest.raises(ValueError, match="No action is due"):
        match.play(0)
    assert len(listener.calls) == told


def test_a_real_host_is_told_the_same(tmp_path: Path) -> None:
    """The stand-in above must not be kinder than the host."""
    host = Host(tmp_path, tmp_path / "data", RINGSIDE)
    match = Match(host, RINGSIDE.new_battle(5), 9, {0: PLUGIN, 1: SCRIPTED}, RINGSIDE.bots["brawler"], Random(5))
    play_out(match)
    assert match.battle.outcome is not None


def test_leaving_in_a_break_starts_no_round() -> None:
    listener = Listener()
    match = match_of(listener)
    while not match.between_rounds:
        match.play(match.decide())
    match.abandon()
    match.start_round()
    assert "on_round_start" not in listener.hooks


def test_a_player_who_is_choosing_is_told_once_a_choice_and_a_computer_never() -> None:
    listener = Listener()
    match = match_of(listener, {0: PLAYER, 1: SCRIPTED})
    told = []
    for _ in range(12):
        match.start_round()
        for _ in range(3):
            match.choosing()
        if match.seat_to_play == 0:
            told.append(("on_choosing", {"battle_id": 9, "seat": 0}))
            match.play(match.action_mask.index(True))
        else:
            match.play(match.decide())
    assert [call for call in listener.calls if call[0] == "on_choosing"] == told
    assert 0 < len(told) < 12
