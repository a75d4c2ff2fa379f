"""A game that offers hooks alone: its own fighter plays, whoever wins is imitated, and a candidate earns its place."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pygame
import pytest

from cornerman.contract import CANDIDATE, Source
from cornerman.evaluation.live.results import LiveResult, sources_of
from cornerman.models.exchange import IMPORTS, export_version, import_waiting
from cornerman.models.manifest import Provenance
from cornerman.opponent.player_model import PlayerModel
from cornerman.panel.panel_text import now_of
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import Trial
from game_adapter.ringside.game import RINGSIDE
from tests.studies.measures.hooks_only import HooksOnly, series
from tests.support.fake_panel import PAGES, key, sentence
from tests.support.local_training import local_plugin


def trial_of(champion: Policy, number: int = 1) -> Trial:
    """A candidate that plays every battle."""
    return Trial(Policy(champion.spec, champion.flat + number / 100, CANDIDATE), 1.0, number)


def test_weak_fighter_is_replaced_by_what_imitates_its_player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it must be worth is measured by `make study ONLY=harm`; here, that all of it works together. The model of
    the player, which decides nothing in it and takes most of the time, learns from the first ten battles."""
    learn = PlayerModel.learn
    monkeypatch.setattr(PlayerModel, "learn", lambda model, of, _: learn(model, of) if model.battles < 10 else iter(()))
    played = series("brawler", "tactician", 200, 0, tmp_path)
    assert played["versions"][:20] == [-1] * 20, "the game's own fighter plays"
    assert played["versions"][-1] >= 1, played["events"]
    won = [outcome > 0 for outcome in played["won"]]
    assert sum(won[-50:]) >= sum(won[:50]) + 8


def test_candidate_plays_while_it_is_on_trial_and_where_the_level_plays_the_champion(tmp_path: Path) -> None:
    plugin, _ = local_plugin(HooksOnly(), tmp_path, device="cpu")
    untrained = plugin.slot.champion

    def tries(battle_id: int) -> bool:
        plugin.on_battle_start(battle_id, {0: "player", 1: "plugin"})
        return plugin.live.tries(battle_id, 1)

    for version in (1, 2):
        plugin.slot.promote(Policy(untrained.spec, untrained.flat + version / 100, version))
    plugin.champions.try_out(trial_of(untrained))
    assert tries(1)
    plugin.controls.set_difficulty(1)
    assert not tries(2), "an older version plays"
    plugin.controls.set_difficulty(5)
    plugin.champions.try_out(None)
    assert not tries(3)
    plugin.on_quit()


def test_imported_model_plays_at_once_in_a_game_that_has_no_battles_to_try_it_in(tmp_path: Path) -> None:
    source, _ = local_plugin(HooksOnly(), tmp_path / "source", device="cpu")
    flat = source.slot.champion.flat + 0.01
    version = source.champions.registry.save(flat, Provenance(learning_steps=9), spec=source.slot.champion.spec)
    (tmp_path / "data" / IMPORTS).mkdir(parents=True)
    export_version(source.champions.registry, version, tmp_path / "data" / IMPORTS / "friend.zip")
    source.on_quit()
    plugin, _ = local_plugin(HooksOnly(), tmp_path / "data", device="cpu")
    said = import_waiting(tmp_path / "data", plugin.champions, HooksOnly(), plugin.encoder)
    assert said.startswith("friend.zip is version 1 and plays now")
    assert plugin.slot.champion.version == plugin.champions.registry.champion == 1
    plugin.on_quit()


def test_panel_names_no_command_for_the_ghost_that_needs_headless_battles(tmp_path: Path) -> None:
    for game, named in ((HooksOnly(), False), (RINGSIDE, True)):
        plugin, _ = local_plugin(game, tmp_path / str(named), device="cpu")
        plugin.metrics.set(player={"battles": 3})
        key(plugin.panel, pygame.K_1 + PAGES.index("You"))
        said = sentence(plugin.panel)
        assert "It fights where the game offers it" in said
        assert ("cornerman ghost play" in said) == named
        plugin.on_quit()


def trying(folder: Path, seats: dict[int, str]) -> tuple[bool, LiveResult | None]:
    """Whether the candidate on trial plays a battle with these seats, and the result where it loses."""
    plugin, _ = local_plugin(HooksOnly(), folder, device="cpu")
    champion = plugin.slot.champion
    plugin.champions.try_out(trial_of(champion))
    plugin.on_battle_start(1, seats)
    tried, sources = plugin.live.tries(1, 1), sources_of(seats)
    plugin.live.decided(1, CANDIDATE, 5)
    lost = {seat: -1 if source is Source.PLUGIN else 1 for seat, source in sources.items()}
    result = plugin.live.end(1, sources, lost, False)
    plugin.on_quit()
    return tried, result


@pytest.mark.parametrize("others", [("player",), ("player", "scripted"), ("player", "plugin"), ("scripted", "plugin")])
def test_candidate_plays_where_its_battle_counts(tmp_path: Path, others: tuple[str, ...]) -> None:
    seats = (*others, "plugin")
    counted = LiveResult(CANDIDATE, 5, others[0], 0.0, 1, seats.index("plugin"), 1, 1, other=1.0)
    assert trying(tmp_path, dict(enumerate(seats))) == (True, counted)


@pytest.mark.parametrize("seats", [("plugin", "plugin"), ("somebody", "plugin"), ("plugin",)])
def test_candidate_plays_no_battle_that_can_tell_nothing(tmp_path: Path, seats: tuple[str, ...]) -> None:
    assert trying(tmp_path, dict(enumerate(seats))) == (False, None)


def test_trial_goes_on_where_no_model_was_taken_in(tmp_path: Path) -> None:
    plugin, loop = local_plugin(HooksOnly(), tmp_path, device="cpu")
    loop.begin_candidate()
    plugin.controls.import_model()
    assert plugin.metrics.notice.startswith("There is no .zip")
    assert loop.candidates.trials.running
    assert plugin.slot.trial is not None
    plugin.on_quit()
    again, loop = local_plugin(HooksOnly(), tmp_path, device="cpu")
    assert loop.candidates.trials.running
    assert again.report()["gate"]["state"] == "on trial"
    again.on_quit()


@pytest.mark.parametrize(
    ("waits_for", "words"),
    [("", ""), ("learning", "learning is off"), ("level", "an older version plays"), ("trainer", "the trainer")],
)
def test_candidate_plays_and_is_said_to_play_only_where_its_trial_can_go_on(
    tmp_path: Path, waits_for: str, words: str
) -> None:
    plugin, loop = local_plugin(HooksOnly(), tmp_path, device="cpu")
    loop.begin_candidate()
    champion = plugin.slot.champion
    for version in (1, 2):
        plugin.slot.promote(Policy(champion.spec, champion.flat + version / 100, version))
    plugin.champions.try_out(trial_of(champion))
    plugin.switches.learning = waits_for != "learning"
    plugin.switches.level = 1 if waits_for == "level" else 5
    plugin.training.works = waits_for != "trainer"  # type: ignore[misc]  # it is a stand-in's
    plugin.on_battle_start(1, {0: "player", 1: "plugin"})
    assert plugin.live.tries(1, 1) == (not words)
    report = plugin.report()
    assert (report["playing"] == "the candidate on trial; version 2 in other battles") == (not words)
    assert (report["version"] == -1) == (not words)
    assert report["gate"]["state"] == ("trial waits" if words else "on trial")
    assert words in report["gate"]["waits"]
    assert ("plays some of the battles" in now_of(report)) == (not words)
    plugin.on_battle_end(1, {0: 1.0, 1: -1.0})
    assert ("; a candidate plays some battles" in plugin.report()["playing"]) == (not words)
    plugin.on_quit()


def test_battle_that_began_in_one_trial_is_not_gone_on_with_by_the_next_candidate(tmp_path: Path) -> None:
    plugin, loop = local_plugin(HooksOnly(), tmp_path, device="cpu")
    champion = plugin.slot.champion
    results = list[LiveResult]()
    loop.live = results.append  # type: ignore[method-assign, assignment]
    seats = {0: "player", 1: "plugin"}
    battle = RINGSIDE.new_battle(1)
    for number in (1, 2):
        plugin.champions.try_out(trial_of(champion, number))
        plugin.on_battle_start(number, seats)
        assert plugin.choose_action(number, 1, battle.state(), battle.action_mask()) is not None
    plugin.choose_action(1, 1, battle.state(), battle.action_mask())
    for number in (1, 2):
        plugin.on_battle_end(number, {0: -1, 1: 1})
    assert [(result.version, result.trial) for result in results] == [(CANDIDATE, 2)]
    plugin.on_quit()


def three_seats(**declared: Any) -> Any:
    """A game with hooks alone and three seats, which it does not declare."""
    return SimpleNamespace(name="three", version="1", action_names=("a", "b"), max_rounds=None, **declared)


def reported(game: Any, folder: Path, sides: dict[int, int] | None = None) -> tuple[dict[str, Any], str]:
    """What the recorder counted in two battles of three turns, and the last message."""
    plugin, _ = local_plugin(game, folder, device="cpu")
    fighters = [{"seat": seat, "health": 5, "maxHealth": 9} for seat in range(3)]
    for battle_id in (1, 2):
        plugin.on_battle_start(battle_id, {0: "player", 1: "scripted", 2: "plugin"}, sides)
        for seat in range(3):
            state = {"characters": fighters}
            plugin.choose_action(battle_id, seat, state, [True, True])
            plugin.on_turn(battle_id, seat, state, [True, True], 0, state)
        plugin.on_battle_end(battle_id, {0: 1, 1: -1, 2: -1})
    plugin.on_quit()
    return plugin.recording.recorder.quality(), plugin.metrics.notice


OWN = {"max_characters": 0, "feature_names": ("seat",), "encode": lambda state, seat: [seat / 3]}
STANDING = {"standing": lambda state, side: 0.1 * side}


@pytest.mark.parametrize("sides", [None, {0: 0, 1: 1, 2: 1}])
@pytest.mark.parametrize("declared", [OWN, {"stats": {}}, OWN | STANDING], ids=["features", "characters", "standing"])
def test_seats_that_were_not_declared_are_recorded_or_refused_with_a_sentence_that_stays(
    tmp_path: Path, declared: dict[str, Any], sides: dict[int, int] | None
) -> None:
    counts, message = reported(three_seats(**declared), tmp_path, sides)
    if "standing" in declared and sides is None:
        assert counts["recorded"] == 0
        assert message.startswith("Battle 1 has the seats [2], for which the game's standing cannot be asked.")
    else:
        assert (counts["recorded"], counts["rejected"], counts["clamped"], message) == (6, {}, {}, "")


def test_plugin_in_a_seat_of_no_declared_role_is_said(tmp_path: Path) -> None:
    counts, message = reported(three_seats(**OWN, seats_alike=False), tmp_path)
    assert (counts["recorded"], counts["clamped"]) == (6, {"role": 2})
    assert message.startswith("Battle 1 has the plugin in the seats [2], declared are (0, 1): elsewhere nothing is")
    assert reported(three_seats(**OWN, seats_alike=False, num_seats=3), tmp_path / "declared")[1] == ""


def test_forgotten_player_takes_the_trial_along_whose_results_may_be_theirs(tmp_path: Path) -> None:
    plugin, loop = local_plugin(HooksOnly(), tmp_path, device="cpu")
    loop.begin_candidate()
    loop.forget_player("ann")
    assert plugin.slot.trial is None
    assert not loop.candidates.judging
    plugin.on_quit()
