"""The plugin's life through its hooks: switches in mid-battle, broken states, faulty settings, saved and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cornerman.contract import BattleEnd, Transition
from cornerman.experience.transitions import NStep
from cornerman.files.figures_log import read_figures
from cornerman.policy.policy import Policy
from cornerman.search.thought import Knowledge
from cornerman.selfplay.live_worker import LiveWorker
from game_adapter.host.match import PLAYER, PLUGIN
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Choosing, Described
from tests.support.duel import preferring
from tests.support.table import NO_GATE, Table, promote
from tests.support.waiting import wait_for

FAST = {"practice": 1.0, "candidate_period": 100}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    """A plugin that does not learn, for tests that only look at its answers."""
    with Table(RINGSIDE, tmp_path_factory.mktemp("quiet"), learning=False) as table:
        yield table


def recorded(table: Table) -> list[Transition]:
    """The decisions that were recorded by a plugin that does not learn."""
    return [item for item in table.handed_over if isinstance(item, Transition)]


def test_plugin_learns_while_battles_are_played_and_resumes_next_time(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, **FAST) as table:
        table.play(6, settle=True)
        report = table.plugin.report()
        assert report["learner"]["steps"] > 100
        assert report["record"]["battles"] == 6
        assert table.rejected == {}
        version, steps = report["version"], report["learner"]["steps"]
        flat = table.plugin.slot.champion.flat
    with Table(RINGSIDE, tmp_path, **FAST) as again:
        assert again.plugin.report()["version"] == version
        assert np.array_equal(again.plugin.slot.champion.flat, flat)
        again.play(1, settle=True)
        assert again.plugin.report()["learner"]["steps"] > steps
        assert again.on_owner(lambda loop: loop.experience.rows.total()) > 6 * 20


def test_plugin_learns_a_model_of_each_player_has_it_again_after_a_restart_and_logs_figures_alone(
    tmp_path: Path,
) -> None:
    with Table(RINGSIDE, tmp_path, log_interval_s=0.05, **FAST) as table:
        for name, battles in (("ann", 3), ("bob", 2)):
            table.play_as(name, battles)
        known = table.plugin.report()["player"]
        assert (known["name"], known["battles"], known["learns"]) == ("bob", 2, True)
        assert known["decisions"] > 20
        assert 0.0 <= known["foreseen"] <= 1.0
        state, mask = table.match().state, [False, True, True, *[False] * 8]
        assert table.plugin.ghost_action(0, state, mask) in (1, 2)
        assert table.plugin.ghost_action(0, {}, mask) is None
        table.plugin.on_frame(16.7, 10.0)
        wait_for(lambda: "_p99_ms" in str(table.on_owner(lambda loop: read_figures(tmp_path)[0][-1:])))
    logged, problems = read_figures(tmp_path)
    assert {"memory_mb", "steps", "loss", "version", "window_open", "window_share"} <= set(logged[-1])
    assert problems == []
    assert not {"ann", "bob"} & set(str(logged).split("'"))
    with Table(RINGSIDE, tmp_path, **FAST) as again:
        again.plugin.settle(60.0)
        assert again.plugin.report()["player"] == known
        assert again.plugin.ghost_action(0, state, mask) in (1, 2)
        (tmp_path / "ghosts").mkdir()
        (tmp_path / "ghosts" / "carl.ghost").write_bytes(b"who may be the player")
        again.plugin.controls.forget()
        again.on_owner(lambda loop: None)
        assert list((tmp_path / "ghosts").iterdir()) == []
        assert not (tmp_path / "log").exists()
        assert again.plugin.ghost_action(0, state, mask) is None
        again.plugin.set_learning(False)
        assert again.plugin.report()["player"]["learns"] is False


def test_forget_takes_what_is_known_of_the_player_out_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[set[str]] = []

    def know(self: LiveWorker, champion: Policy, knowledge: Knowledge) -> None:
        known.append({name for name in knowledge[0] if name.startswith("player.")})

    monkeypatch.setattr(LiveWorker, "know", know)
    monkeypatch.setattr(LiveWorker, "knows", property(lambda self: object() if known else None))
    with Table(RINGSIDE, tmp_path, candidate_period=1_000_000) as table:
        plugin = table.plugin
        promote(plugin, 1, rows={"player": 10})
        table.play_as("ann", 2)
        plugin.settle(60.0)
        assert known[-1]
        plugin.controls.forget()
        table.on_owner(lambda loop: None)
        assert plugin.slot.champion.indifferent, "what has learned nothing does not look ahead"
        assert known[-1] == set()


def test_forget_drops_the_model_of_the_player_that_an_ended_trainer_left(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, **FAST) as table:
        table.play_as("ann", 2)
        plugin = table.plugin
        assert plugin.report()["player"]["name"] == "ann"
        assert plugin.training.stop()
        plugin.controls.forget()
        assert (plugin.report()["player"]["battles"], plugin.report()["player"]["foreseen"]) == (0, None)
        assert plugin.report()["player"]["habits"] == []
        assert plugin.ghost_action(0, table.match().state, [True] * 11) is None


def test_minimal_game_learns_too(tmp_path: Path) -> None:
    class Live(Described):
        bots, new_battle = Choosing.bots, Choosing.new_battle  # for the table only

    game, live = Described(), Live()
    with Table(game, tmp_path, batch_size=8, burst_steps=2) as table:
        table.game = live
        table.play(30, settle=True)
        assert table.plugin.report()["learner"]["steps"] > 0
        assert table.plugin.evaluate(None, "random", 2, 0) is None
        assert table.rejected == {}


def test_act_never_explores_against_a_player(tmp_path: Path) -> None:
    with Table(Choosing(), tmp_path, exploration_fraction=1.0) as table:
        plugin = table.plugin
        spec = plugin.slot.champion.spec
        plugin.slot.restart(Policy(spec, preferring(1, spec), 5))
        taken = {}
        for opponent in ("player", "scripted"):
            match = table.match({0: PLUGIN, 1: opponent})
            taken[opponent] = {match.decide() for _ in range(100)}
            match.abandon()
        assert taken == {"player": {1}, "scripted": {0, 1}}
        assert plugin.report()["record"]["battles"] == 0, "a battle that was cut off is neither won nor lost"


def test_evaluate_measures_a_stored_version(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        answer = table.plugin.evaluate(0, "random", 10, 3)
        assert answer is not None
        assert answer == table.plugin.evaluate(None, "random", 10, 3)
        assert (answer["version"], answer["battles"]) == (0, 10)
        assert answer["wins"] + answer["losses"] + answer["draws"] == 10
        assert table.plugin.evaluate(version=77, bot="brawler", num_battles=2, seed=1) is None
        assert "77" in table.plugin.metrics.notice
        assert table.plugin.evaluate(version=None, bot="nobody", num_battles=2, seed=1) is None
        assert table.plugin.messages()[-1].startswith("There is no bot 'nobody' to evaluate against; there are ")


@pytest.mark.parametrize("switch", ["recording", "plugin"])
def test_recording_or_plugin_off_and_on_in_mid_battle_takes_effect_at_once(tmp_path: Path, switch: str) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        counts: list[tuple[int, int]] = []
        controls = table.plugin.controls

        def each_turn(match: Any, turn: int) -> None:
            if turn in (6, 14):
                (controls.set_recording if switch == "recording" else controls.set_on)(turn == 14)
            counts.append((len(recorded(table)), len(table.versions)))

        table.play(1, each_turn=each_turn)
        assert counts[6][0] == counts[14][0] < len(recorded(table)), "nothing is recorded while it is off"
        assert (counts[6][1] == counts[14][1]) == (switch == "plugin"), "no opinion while it is off"
        assert len(table.versions) > counts[14][1] > 0
        assert table.rejected == {}
        assert table.plugin.report()["record"]["battles"] == 1
        assert [item.truncated for item in table.handed_over if isinstance(item, BattleEnd)] == [True, False]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(["on", "recording", "forget"]), st.integers(0, 40)), max_size=8))
def test_rows_stay_consistent_whenever_something_is_switched(quiet: Table, presses: list[tuple[str, int]]) -> None:
    plugin = quiet.plugin
    plugin.recording.erase()
    plugin.controls.set_on(True)
    plugin.controls.set_recording(True)

    def each_turn(match: Any, turn: int) -> None:
        for what, when in presses:
            if when == turn and what == "forget":
                plugin.controls.forget()
            elif when == turn and what == "on":
                plugin.controls.set_on(not plugin.switches.on)
            elif when == turn:
                plugin.controls.set_recording(not plugin.switches.recording)

    quiet.play(2, each_turn=each_turn)
    assert quiet.rejected == {}
    open_tails = NStep(3, 0.9)
    for item in quiet.handed_over:
        if isinstance(item, BattleEnd):
            open_tails.end(item.battle_id)
        else:
            open_tails.push(item)
    assert open_tails.clear() == 0, "every battle that was recorded was also ended or cut off"


def test_learning_off_and_on_in_mid_battle_takes_effect_at_once(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False, **{**FAST, **NO_GATE}) as table:
        plugin = table.plugin
        assert not plugin.training.running
        table.play(1)
        plugin.set_learning(True)
        trainer = plugin.training.thread
        table.play(3)
        while not plugin.settle(30.0):  # torch is still being imported
            assert plugin.training.alive
        steps = plugin.report()["learner"]["steps"]
        assert steps > 0
        plugin.set_learning(False)
        table.play(2)
        assert not plugin.settle(30.0)
        assert plugin.report()["learner"]["steps"] == steps
        assert plugin.report()["plugin"]["learning"] is False
        plugin.set_learning(True)
        table.play(2, settle=True)
        assert plugin.report()["learner"]["steps"] > steps
        assert plugin.training.thread is trainer, "one thread, started once"
        assert table.rejected == {}


@given(mask=st.lists(st.booleans(), min_size=len(RINGSIDE.action_names), max_size=len(RINGSIDE.action_names)))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_act_never_chooses_an_illegal_action(quiet: Table, mask: list[bool]) -> None:
    plugin, state = quiet.plugin, RINGSIDE.new_battle(1).state()
    plugin.controls.set_on(True)
    plugin.controls.set_recording(True)
    for number in range(1, 6):
        plugin.switches.level = number
        for seat in (0, 1):
            action = plugin.choose_action(999, seat, state, mask)
            if any(mask):
                assert action is not None
                assert mask[action]
            else:
                assert action is None


class Haunted(dict[str, Any]):
    """A game's own state that raises whatever it likes."""

    def __getitem__(self, key: str) -> Any:
        raise ZeroDivisionError("boo")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
states = anything | st.fixed_dictionaries({"round": anything, "characters": st.lists(anything, max_size=5)})


@given(state=states, mask=anything, seat=anything)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_act_returns_none_for_a_broken_state_or_mask(quiet: Table, state: Any, mask: Any, seat: Any) -> None:
    plugin, good = quiet.plugin, RINGSIDE.new_battle(1)
    plugin.controls.set_on(True)
    plugin.controls.set_recording(True)
    plugin.metrics.notice = ""
    assert plugin.choose_action(1, 0, state, good.action_mask()) is None
    assert plugin.metrics.notice.endswith(".")
    assert plugin.choose_action(1, 0, good.state(), mask) is None
    assert plugin.choose_action(1, 0, Haunted(), good.action_mask()) is None
    assert "boo" in plugin.metrics.notice
    if seat not in (0, 1):
        assert plugin.choose_action(1, seat, good.state(), good.action_mask()) is None
    plugin.recording.recorder.rejected.clear()


@pytest.mark.parametrize("seats", [None, [PLUGIN, PLAYER], {0: [PLUGIN]}], ids=str)
def test_broken_turn_or_seats_are_counted_and_the_game_goes_on(tmp_path: Path, seats: Any) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        table.plugin.on_battle_start(99, seats)
        table.plugin.on_battle_end(99, {0: 1, 1: -1}, False)
        match = table.match()
        match.play(match.decide())
        table.plugin.on_turn(1, 0, {}, [], 0, {})
        while not match.over:
            match.start_round()
            match.play(match.decide())
        assert table.plugin.report()["recorder"]["rejected"] == {"seats": 2, "state": 1}


@pytest.mark.parametrize("outcome", [None, [1, -1], {0: "won", 1: "lost"}, {0: 2, 1: -2}, {1: 1}, {}], ids=str)
def test_unusable_outcome_is_counted_and_no_live_result(tmp_path: Path, outcome: Any) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        told, tell, end = [], table.call, table.plugin.live.end
        table.plugin.live.end = lambda *battle: told.append(end(*battle))  # type: ignore[method-assign]
        table.call = lambda hook, **news: tell(  # type: ignore[method-assign]
            hook, **({**news, "outcome": outcome} if hook == "on_battle_end" else news)
        )
        table.play()
        assert table.rejected == {"outcome": 1}
        assert table.plugin.report()["record"]["battles"] == 0
        assert told == [None], "a result that nobody knows must not enter the live watch"
        table.call = tell  # type: ignore[method-assign]
        table.play()
        assert table.plugin.report()["record"]["battles"] == 1


def test_window_opens_at_the_end_of_a_battle(tmp_path: Path) -> None:
    """A game with a loop of its own may tell of no round's end; it learns between battles then."""
    with Table(RINGSIDE, tmp_path) as table:
        match = table.match()
        tell = table.call
        table.call = lambda hook, **news: None if hook == "on_round_end" else tell(hook, **news)  # type: ignore[method-assign]
        while not match.over:
            match.play(match.decide())
            match.start_round()
        assert table.plugin.report()["window"]["open"]


def test_state_that_cannot_be_used_for_an_action_is_said_once_a_reason(tmp_path: Path) -> None:
    with Table(RINGSIDE, tmp_path, learning=False) as table:
        plugin, mask = table.plugin, RINGSIDE.new_battle(1).action_mask()
        for _ in range(3):
            assert plugin.choose_action(1, 0, "nonsense", mask) is None
            assert plugin.choose_action(1, 0, RINGSIDE.new_battle(1).state(), mask[:-1]) is None
        said = [sentence for sentence in plugin.messages() if sentence.startswith("No action was chosen: ")]
        assert len(said) == 2
