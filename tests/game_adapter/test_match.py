"""A battle reported to the plugins: which events, in which order, with what; and nothing after the end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from game_adapter.host.match import PLAYER, PLUGIN, SCRIPTED, Match
from game_adapter.ringside.battle import Battle
from game_adapter.ringside.game import RINGSIDE
from tests.support.declared_games import AtOnce
from tests.support.recording_host import RecordingHost, RecordingPlugin

BOTS = {0: SCRIPTED, 1: SCRIPTED}


def first_legal(battle: Battle, random: Random) -> int:
    return battle.action_mask().index(True)


def last_legal(battle: Battle, random: Random) -> int:
    return max(action for action, legal in enumerate(battle.action_mask()) if legal)


def match_of(
    folder: Path, seats: Mapping[int, str] = BOTS, seed: int = 5, **options: Any
) -> tuple[Match, RecordingPlugin]:
    plugin, fallback = RecordingPlugin(), options.pop("fallback", RINGSIDE.bots["brawler"])
    battle, host = RINGSIDE.new_battle(seed), RecordingHost(folder, plugin)
    host.player = options.pop("player", None)
    return Match(host, battle, 9, seats, fallback, Random(seed), **options), plugin


def rules_of(match: Match) -> Battle:
    return cast(Battle, match.battle)


def play_out(match: Match) -> None:
    for _ in range(10_000):
        if match.over:
            return
        match.start_round()
        match.play(match.decide())
    raise AssertionError("the battle does not end")


def play_to_break(match: Match) -> None:
    while not match.between_rounds:
        match.play(match.decide())


def test_match_names_the_player_whom_the_host_knows(tmp_path: Path) -> None:
    for name in ("ann", None):
        _, plugin = match_of(tmp_path, player=name)
        assert plugin.calls[0][1]["player"] == name


@pytest.mark.parametrize("seed", range(4))
def test_whole_battle_is_reported_in_the_order_of_the_contract(tmp_path: Path, seed: int) -> None:
    match, plugin = match_of(tmp_path, seed=seed)
    play_out(match)
    assert plugin.calls[0] == ("on_battle_start", {"battle_id": 9, "seats": BOTS, "sides": None, "player": None})
    assert plugin.count("on_battle_start") == plugin.count("on_battle_end") == 1
    assert all(arguments["battle_id"] == 9 for _, arguments in plugin.calls)

    round_now, window_open, state = 1, False, None
    for hook, said in plugin.calls[1:-2]:
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
    end = {"battle_id": 9, "outcome": match.battle.outcome, "truncated": False}
    assert plugin.calls[-2] == ("on_battle_end", end)
    assert plugin.calls[-1] == ("on_round_end", {"battle_id": 9, "round": round_now}), "after the end it may learn"
    for (hook, then), now in zip(plugin.calls, plugin.originals, strict=True):
        assert now == then, f"{hook} was given something that changed afterwards"


def test_seat_of_a_turn_is_the_one_that_had_to_act_and_sides_are_passed_on(tmp_path: Path) -> None:
    match, plugin = match_of(tmp_path, sides={0: 0, 1: 1})
    assert plugin.calls[0][1]["sides"] == {0: 0, 1: 1}
    seats = []
    while not match.over:
        match.start_round()
        seats.append(match.seat_to_play)
        match.play(match.decide())
    assert [said["seat"] for hook, said in plugin.calls if hook == "on_turn"] == seats
    assert set(seats) == {0, 1}


def test_illegal_action_raises_the_rules_sentence_and_changes_nothing(tmp_path: Path) -> None:
    match, plugin = match_of(tmp_path, {0: PLAYER, 1: PLAYER})
    illegal = list(match.action_mask).index(False)
    state, mask, before = match.battle.state(), match.action_mask, len(plugin.calls)
    with pytest.raises(ValueError, match=r"\w+ \w+") as expected:
        RINGSIDE.new_battle(5).apply(illegal)
    with pytest.raises(ValueError, match=r"\w+ \w+") as caught:
        match.play(illegal)
    assert str(caught.value) == str(expected.value)
    assert (match.state, match.battle.state(), match.action_mask, len(plugin.calls)) == (state, state, mask, before)
    match.play(match.action_mask.index(True))
    assert plugin.hooks[before] == "on_turn"


def test_no_action_is_taken_between_rounds(tmp_path: Path) -> None:
    match, plugin = match_of(tmp_path)
    play_to_break(match)
    before, state = len(plugin.calls), match.battle.state()
    assert match.seat_to_play is None
    with pytest.raises(ValueError, match="No action is due"):
        match.play(0)
    with pytest.raises(RuntimeError):
        match.decide()
    assert (len(plugin.calls), match.battle.state()) == (before, state)
    match.start_round()
    match.start_round()
    assert plugin.hooks[before:] == ["on_round_start"], "a round starts once"


def test_plugin_decides_for_its_own_seat_alone_and_bots_for_the_others(tmp_path: Path) -> None:
    match, plugin = match_of(tmp_path, {0: PLUGIN, 1: SCRIPTED}, fallback=first_legal)
    own = 0
    while not match.over:
        match.start_round()
        plugin.opinion = last_legal(rules_of(match), Random(0))
        decided = match.decide()
        if match.seat_to_play == 0:
            own += 1
            assert decided == plugin.opinion
            asked = {"battle_id": 9, "seat": 0, "state": match.state, "action_mask": match.action_mask}
            assert plugin.asked[-1] == asked
        else:
            assert decided == first_legal(rules_of(match), Random(0))
        match.play(decided)
    assert len(plugin.asked) == own > 0


def test_bots_decide_where_the_plugin_has_no_opinion_and_nobody_for_a_player(tmp_path: Path) -> None:
    match, plugin = match_of(tmp_path, {0: PLUGIN, 1: PLUGIN}, fallback=first_legal, bots={0: last_legal})
    seen = set()
    for _ in range(6):
        match.start_round()
        bot = last_legal if match.seat_to_play == 0 else first_legal
        assert match.decide() == bot(rules_of(match), Random(0))
        seen.add(match.seat_to_play)
        match.play(match.decide())
    assert seen == {0, 1}
    assert len(plugin.asked) == 12
    match, plugin = match_of(tmp_path, {0: PLAYER, 1: PLAYER})
    with pytest.raises(RuntimeError, match="player"):
        match.decide()
    assert plugin.asked == []


@pytest.mark.parametrize("end", ["abandoned", "abandoned in a break", "played out"])
def test_battle_ends_once_and_nothing_is_reported_after_it(tmp_path: Path, end: str) -> None:
    match, plugin = match_of(tmp_path)
    if end == "played out":
        play_out(match)
    else:
        if end == "abandoned in a break":
            play_to_break(match)
        match.abandon()
        assert plugin.hooks[-2:] == ["on_battle_end", "on_round_end"]
        assert plugin.calls[-2][1] == {"battle_id": 9, "outcome": {0: 0, 1: 0}, "truncated": True}
    before = len(plugin.calls)
    assert (match.over, match.seat_to_play, plugin.count("on_battle_end")) == (True, None, 1)
    match.start_round()
    match.abandon()
    with pytest.raises(ValueError, match="No action is due"):
        match.play(0)
    assert len(plugin.calls) == before


def test_choosing_is_reported_once_for_each_choice_of_a_player(tmp_path: Path) -> None:
    match, plugin = match_of(tmp_path, {0: PLAYER, 1: SCRIPTED})
    choices = 0
    for _ in range(12):
        match.start_round()
        for _ in range(3):
            match.choosing()
        if match.seat_to_play == 0:
            choices += 1
            match.play(match.action_mask.index(True))
        else:
            match.play(match.decide())
    choosing = [arguments for hook, arguments in plugin.calls if hook == "on_choosing"]
    assert choosing == [{"battle_id": 9, "seat": 0}] * choices
    assert 0 < choices < 12


def test_match_refuses_a_battle_whose_seats_decide_at_once(tmp_path: Path) -> None:
    plugin, fallback = RecordingPlugin(), RINGSIDE.bots["brawler"]
    with pytest.raises(TypeError, match="decide at once: report the on_turn of each"):
        Match(RecordingHost(tmp_path, plugin), AtOnce().new_battle(1), 9, BOTS, fallback, Random(1))
    assert plugin.calls == []


def test_decisions_of_the_plugins_seat_are_announced_once_each_as_soon_as_their_state_is_known(tmp_path: Path) -> None:
    match, plugin = match_of(tmp_path, {0: SCRIPTED, 1: PLUGIN})
    play_out(match)
    due = [arguments for hook, arguments in plugin.calls if hook == "on_due"]
    asked = plugin.asked
    assert due == asked
    assert {each["seat"] for each in due} == {1}
    hooks = [hook for hook, _ in plugin.calls]
    assert all(hooks[at - 1] in ("on_battle_start", "on_turn", "on_round_end") for at in positions(hooks, "on_due"))


def positions(hooks: list[str], hook: str) -> list[int]:
    return [at for at, each in enumerate(hooks) if each == hook]
