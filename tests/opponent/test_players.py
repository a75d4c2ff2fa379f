"""Players: each has a model of its own; habits are said only where they are beyond chance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cornerman.contract import CANDIDATE, BattleEnd, Source, Transition
from cornerman.opponent.players import MAX_PLAYERS, Players
from cornerman.opponent.record import USUAL, Record
from cornerman.opponent.rules import Decisions
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import draw
from tests.support.habits import (
    ACTIONS,
    FEATURES,
    Habit,
    battles,
    champion,
    guards_when_low,
    hurt_one_waits,
    never_guards,
    no_habit,
)

ZERO = np.zeros(len(FEATURES), np.float32), np.zeros(len(ACTIONS), np.bool_)


def rows_of(decisions: Decisions, source: Source = Source.PLAYER) -> list[Transition]:
    return [
        Transition(observation, mask, int(action), 0.0, *ZERO, 0.0, 0, 0, at, source, Source.PLUGIN, -1)
        for at, (observation, mask, action) in enumerate(zip(*decisions, strict=True))
    ]


def players_of(**how: Any) -> Players:
    """Players of a game with one champion."""
    base = champion()
    return Players(lambda: base, FEATURES, ACTIONS, **how)


def end(players: Players, battle: Decisions, player: str = "", source: Source = Source.PLAYER) -> None:
    players.end(rows_of(battle, source), BattleEnd(0, {0: 1.0}, False, {0: source}, player=player))


def learn(players: Players) -> None:
    while players.advance():
        pass


def fought(players: Players, habit: Habit, num_battles: int, player: str = "", seed: int = 1) -> None:
    for battle in battles(champion(), habit, num_battles, seed):
        end(players, battle, player)
    learn(players)


def habits(players: Players) -> list[str]:
    found: list[str] = players.report()["habits"]
    return found


def test_players_know_nobody_before_a_battle_and_learn_from_decisions_of_players_alone() -> None:
    players = players_of()
    (battle,) = battles(champion(), no_habit, 1, seed=1)
    end(players, battle, source=Source.SCRIPTED)
    assert not players.advance()
    assert players.model is None
    assert players.report() == {}


def test_players_keep_a_record_against_each_player_and_show_the_present_one() -> None:
    shown = list[Record]()
    players = players_of(counted=lambda record, unlearned: shown.append(record))
    (battle,) = battles(champion(), no_habit, 1, seed=1)
    own = [replace(row, version=3, seat=1) for row in rows_of(battle, Source.PLUGIN)]
    unplayed = [replace(row, version=-1) for row in own]
    for player, won, opponent, rows in (
        ("ann", 1.0, Source.PLAYER, own),
        ("ann", -1.0, Source.PLAYER, own),
        ("bob", 0.0, Source.PLAYER, own),
        ("ann", 1.0, Source.SCRIPTED, own),
        ("ann", -1.0, Source.PLAYER, unplayed),  # by the game's own fighter: it counts, too
    ):
        seats = {0: opponent, 1: Source.PLUGIN}
        players.end(rows, BattleEnd(0, {0: -won, 1: won}, False, seats, player=player))
    players.end(own, BattleEnd(0, {0: -1.0, 1: -1.0, 2: 1.0}, False, seats | {2: Source.PLUGIN}, player="bob"))
    shown.clear()
    for player in ("ann", "bob"):
        players.meet(player)
    assert [list(record.shares) for record in shown] == [[1.0, 0.0, 0.0], [0.5, 1.0]], (
        "the own fighter's battles count, too"
    )
    ann = shown[0]
    before = ann.chance()
    for version, kept in ((CANDIDATE, True), (3, False)):  # what values a candidate on trial gave is not known
        rows = [replace(row, version=version) for row in own]
        players.end(rows, BattleEnd(0, {0: 1.0, 1: -1.0}, False, {0: Source.PLAYER, 1: Source.PLUGIN}, player="ann"))
        assert (ann.chance() == pytest.approx(before)) is kept
    players.forget()
    assert (list(shown[-1].shares), shown[-1].chance()) == ([], USUAL)


def test_players_say_how_many_battles_of_the_present_player_are_not_learned_yet() -> None:
    shown, policies = list[int](), [champion()]
    counted = lambda record, unlearned: shown.append(unlearned)  # noqa: E731
    players = Players(lambda: policies[-1], FEATURES, ACTIONS, counted=counted)
    players.meet("ann")
    for battle in battles(champion(), no_habit, 3, seed=1):
        end(players, battle, "bob")
        end(players, battle, "ann")
    assert shown[-1] == players.unlearned == 3
    assert players.advance()
    assert players.unlearned == 3, "with the one that is being learned"
    while players.unlearned:
        assert players.advance()
        assert shown[-1] == players.unlearned
    assert shown[-3:] == [2, 1, 0], "the present player's come first"
    players.meet("bob")
    assert shown[-1] == 3
    players.meet("ann")
    policies.append(champion(seed=7))
    assert players.advance()
    assert shown[-1] == 3, "all again under a new champion"
    players.forget()
    assert shown[-1] == 0


def test_players_tell_several_apart() -> None:
    players = players_of()
    fought(players, never_guards, 5, "ann")
    fought(players, hurt_one_waits, 5, "bob", seed=2)
    assert players.report()["name"] == "bob"
    assert not any(habit.startswith("guard: 0 times") for habit in habits(players))
    players.meet("ann")
    assert players.report()["battles"] == 5
    assert habits(players)[0].startswith("guard: 0 times of 150 (")


def test_habit_is_said_with_its_condition_and_what_the_champion_would_do() -> None:
    players = players_of()
    fought(players, guards_when_low, 6)
    (first, *_) = habits(players)
    assert first.startswith("guard: ")
    assert "where your first character's health is at most " in first
    assert "the computer in your place: " in first
    untrained = Policy(base := champion().spec, draw(base, np.random.default_rng(1)))
    players = Players(lambda: untrained, FEATURES, ACTIONS)
    fought(players, guards_when_low, 6)
    assert all("(at random: " in habit for habit in habits(players))
    assert habits(players)
    assert players.report()["champion_foresees"] is None


@pytest.mark.parametrize(
    ("temperature", "seed"), [*((0.0, seed) for seed in range(100, 112)), *((0.1, seed) for seed in range(200, 206))]
)
def test_player_who_plays_like_the_champion_is_said_to_have_no_habits(temperature: float, seed: int) -> None:
    base, random = champion(), np.random.default_rng(seed % 100)
    players = players_of()
    for battle in battles(base, no_habit, 6, seed):
        noise = random.gumbel(0.0, temperature, battle.action_masks.shape)
        values = np.where(battle.action_masks, base.q_values_batch(battle.observations) + noise, -np.inf)
        end(players, battle._replace(actions=values.argmax(1)))
    learn(players)
    assert habits(players) == []


def test_same_battles_make_the_same_model() -> None:
    one, other = players_of(), players_of()
    for battle in battles(champion(), guards_when_low, 5, seed=1):  # learned one by one, or all at a start
        end(one, battle)
        end(other, battle)
        learn(one)
    learn(other)
    assert one.report() == other.report()


def test_new_champion_is_what_models_are_laid_over_and_the_old_model_serves_until_then() -> None:
    policies: list[Policy] = [champion()]
    players = Players(lambda: policies[-1], FEATURES, ACTIONS)
    fought(players, guards_when_low, 4)
    before = players.model
    policies.append(champion(seed=7))
    assert players.advance()
    assert players.model is before
    learn(players)
    assert players.model is not before
    assert players.report()["battles"] == 4


def test_no_more_battles_wait_than_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cornerman.opponent.player_model.MAX_DECISIONS", 5 * 30)
    players = players_of()
    fought(players, no_habit, 12)
    assert 5 <= players.report()["battles"] < 12, "those that are too old to be learned from are left out"


def test_model_of_stored_battles_serves_before_all_of_them_are_learned() -> None:
    shown = list[int]()
    players = players_of(changed=lambda it: shown.append(it.report().get("battles", 0)))
    fought(players, no_habit, 6)
    assert shown == [0, 1, 2, 4, 6], "seldom enough to cost nothing"


def test_present_player_is_learned_anew_first_under_a_new_champion() -> None:
    policies: list[Policy] = [champion()]
    players = Players(lambda: policies[-1], FEATURES, ACTIONS)
    fought(players, guards_when_low, 3, "ann")
    fought(players, guards_when_low, 3, "bob")
    players.meet("bob")
    policies.append(champion(seed=7))
    while players.model is None or players.model.champion is not policies[-1]:
        assert players.advance()
    players.meet("ann")
    assert players.model is not None
    assert players.model.champion is policies[0], "the one who plays does not wait for the others"


def test_forget_leaves_nothing_of_any_player() -> None:
    reports = []
    players = players_of(changed=lambda players: reports.append(players.report()))
    fought(players, never_guards, 3, "ann")
    assert reports[-1]["battles"] == 3
    players.forget()
    assert reports[-1] == players.report() == {}
    players.meet("ann")
    assert players.model is None
    assert not players.advance()


def test_present_player_is_who_began_last_whoever_ends_or_is_forgotten() -> None:
    players = players_of()
    players.meet("ann")
    players.meet("bob")
    fought(players, never_guards, 1, "ann")  # it began first, and ends while bob plays
    assert (players.present, players.model) == ("bob", None)
    fought(players, never_guards, 1, "bob")
    players.forget()
    assert players.present == "bob", "who plays on is recorded under that name"


def test_new_champion_is_said_at_once_where_the_present_player_has_no_battles() -> None:
    policies: list[Policy] = [champion()]
    bases: list[Policy] = []
    players = Players(lambda: policies[-1], FEATURES, ACTIONS, changed=lambda players: bases.append(policies[-1]))
    players.meet("ann")
    policies.append(champion(seed=7))
    bases.clear()
    players.advance()
    assert bases == policies[1:], "a search for the champion's decisions needs to know it"


def test_models_are_kept_of_the_players_that_played_last_alone() -> None:
    players = players_of()
    for number in range(MAX_PLAYERS + 1):
        fought(players, never_guards, 1, str(number))
    known = []
    for number in range(MAX_PLAYERS + 1):
        players.meet(str(number))
        known.append(players.model is not None)
    assert known == [False, *[True] * MAX_PLAYERS]
    (battle,) = battles(champion(), never_guards, 1, seed=1)
    end(players, battle, "dropped while learned")
    assert players.advance()
    for number in range(MAX_PLAYERS):
        end(players, battle, str(number))
    learn(players)
    players.meet("dropped while learned")
    assert players.model is None


def test_ghost_is_not_changed_by_later_learning() -> None:
    players = players_of()
    fought(players, never_guards, 3)
    ghost = players.ghost()
    assert ghost is not None
    (later,) = battles(champion(), never_guards, 1, seed=9)
    before = ghost.model.probabilities(later.observations, later.action_masks)
    fought(players, guards_when_low, 3)
    assert np.array_equal(ghost.model.probabilities(later.observations, later.action_masks), before)
