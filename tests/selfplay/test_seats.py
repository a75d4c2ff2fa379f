"""Self-play of games by what they declare, against its naive twin: the recorder, given the same battles by events."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.contract import BattleEnd, Floats, Source, Transition
from cornerman.evaluation.headless import in_turn
from cornerman.experience.encoder import Encoder
from cornerman.experience.recorder import Recorder
from cornerman.experience.rewards import RewardCalculator
from cornerman.experience.transitions import faults, fit, unpack
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.batched import BatchedAgent, SelfPlay
from cornerman.selfplay.orders import collecting
from cornerman.selfplay.scalar import ScalarBattles, one_by_one
from cornerman.selfplay.worker import Sizes, Worker
from cornerman.settings import Settings
from game_adapter.ringside.game import Ringside
from tests.support.declared_games import AtOnce, Board, CardTable, Shaped, by_itself
from tests.support.recordings import assert_same

NUM_BATTLES = 4


class CutOff(Ringside):
    max_decisions = 7


def last_legal(battle: Any, random: Random) -> int:
    """Another seat another habit, so that battles are not all alike."""
    legal = [action for action, may in enumerate(battle.action_mask()) if may]
    return legal[-1] if battle.seat else legal[0]


def collected(game: Any, *bots: Any, stretches: int = 12) -> tuple[list[Transition], list[Any]]:
    """Transitions of the first battles of self-play, and every stretch's tallies."""
    encoder = Encoder(game)
    sizes = encoder.observation_size, encoder.num_actions
    battles = ScalarBattles(game, encoder, NUM_BATTLES, 0)
    play = SelfPlay(battles, *sizes, np.random.default_rng(0), 7, encoder.declaration)
    seats = np.array([[at % len(bots)] * NUM_BATTLES for at in range(encoder.declaration.num_seats)])
    play.seat([BatchedAgent(f"bot {at}", one_by_one(bot)) for at, bot in enumerate(bots)], seats)
    found, tallies = list[Transition](), []
    for _ in range(stretches):
        stretch = play.collect()
        assert fit(stretch.columns, *sizes) is None
        assert not any(wrong.any() for wrong in faults(stretch.columns).values())
        found += [row for row in unpack(stretch.columns) if row.battle_id < NUM_BATTLES]
        tallies.append(stretch.tallies)
    return found, tallies


def recorded(game: Any) -> list[Transition]:
    """The same battles as a running game reports them: seats that decide at once with the same states."""
    items: list[Transition | BattleEnd] = []
    encoder, seeds = Encoder(game), Random("battles 0")
    declared = encoder.declaration
    recorder = Recorder(encoder, RewardCalculator(declared=declared), items.append)
    for battle_id in range(NUM_BATTLES):
        battle, decided = game.new_battle(seeds.getrandbits(48)), 0
        recorder.start(battle_id, dict.fromkeys(range(declared.num_seats), Source.SCRIPTED))
        while battle.outcome is None and decided < declared.max_decisions:
            state, turns = battle.state(), []
            asked = in_turn(battle)
            for _ in battle.seats if hasattr(battle, "apply_all") else (battle.seat,):
                seat, mask, action = asked.seat, asked.action_mask(), last_legal(asked, Random())
                assert seat is not None
                turns.append((seat, mask, action))
                asked.apply(action)
            for seat, mask, action in turns:
                recorder.turn(battle_id, seat, state, mask, action, battle.state())
            decided += len(turns)
        recorder.end(battle_id, battle.outcome or {}, battle.outcome is None)
    assert not recorder.rejected
    return [row for row in items if isinstance(row, Transition)]


def taken(state: Any, side: int) -> float:
    """The share of the tricks that seats 0 and 2, side 0, or seat 1 has taken."""
    return float(sum(state["tricks"][side::2]) / 6)


TEAMS = CardTable(sides=(0, 1, 0), standing=taken)


@pytest.mark.parametrize(
    "game",
    [Board(), Shaped(), CutOff(), Shaped(max_decisions=4), CardTable(), TEAMS, AtOnce()],
    ids=["board", "standing", "cut off", "standing, cut off", "three seats", "two against one", "at once"],
)
def test_collect_gives_the_recorders_transitions(game: Any) -> None:
    wanted, (found, tallies) = recorded(game), collected(game, last_legal)
    assert_same(found, wanted)
    assert any(row.reward for row in wanted)
    assert any(tallies) == any(row.discount == 0.0 for row in wanted), "cut off is not drawn"


def test_rewards_of_a_standing_are_a_potential() -> None:
    """Discounted over a battle that ended they sum to the outcome minus the standing at its beginning (Ng et al. 1999):
    another way to the same end gives the same."""
    game = Shaped()
    game.max_decisions = 9
    rows = collected(game, last_legal)[0]
    for battle_id in range(NUM_BATTLES):
        for seat in (0, 1):
            own = [row for row in rows if (row.battle_id, row.seat) == (battle_id, seat)]
            mine = sorted(own, key=lambda row: row.index)
            total = sum(0.99**row.index * row.reward for row in mine)
            squares = [" "] * 9 if seat == 0 else ["X", *[" "] * 8]
            outcome = 1.0 if seat == 0 else -1.0
            assert mine[-1].discount == 0.0
            assert total == pytest.approx(
                0.99 ** mine[-1].index * outcome - 0.5 * game.standing(squares, seat), abs=1e-5
            )


def test_three_seats_are_tallied_for_the_one_agent_among_others() -> None:
    game = CardTable()
    encoder = Encoder(game)
    sizes = encoder.observation_size, encoder.num_actions
    play = SelfPlay(ScalarBattles(game, encoder, 60, 0), *sizes, np.random.default_rng(0), 40, encoder.declaration)
    row = np.arange(60)
    seats = np.ones((3, 60), np.int64)
    seats[row % 3, row] = 0
    play.seat([BatchedAgent(name, one_by_one(game.bots[name])) for name in ("careful", "random")], seats)
    tallies = [play.collect().tallies for _ in range(10)]
    assert {pair for tally in tallies for pair in tally} == {("careful", "random")}
    battles = sum(tally["careful", "random"].battles for tally in tallies)
    assert battles > 600
    assert 0.36 < sum(tally["careful", "random"].wins for tally in tallies) / battles < 0.6
    assert sum(tally["careful", "random"].outcome for tally in tallies) / battles > 0.05, "an even one is 0"


def worker_of(game: Any) -> tuple[Worker, Floats]:
    """A worker of 8 battles and 60 turns, and weights for it."""
    encoder = Encoder(game)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, (8,))
    return Worker(game, spec.hidden, 0, 0, Sizes(scalar=8, turns=60)), draw(spec, np.random.default_rng(0))


def order(**changes: Any) -> dict[str, Any]:
    made = collecting(Settings(), {"present": 1}, {"itself": 0.5, "random": 0.5}, {})
    return made | changes


def test_tallies_hold_no_battles_of_the_present_policy_against_itself_and_a_bot() -> None:
    """A bot where the plugin may not sit meets the present policy in both other seats: that is not one against one."""
    game = CardTable(plugin_seats=(0, 1))
    worker, flat = worker_of(game)
    _, notes = worker.obey({"present": flat}, order(mix={"itself": 1.0}))
    assert notes["battles"] > 0
    assert notes["tallies"] == []
    _, notes = worker.obey({"present": flat}, order(mix={"careful": 1.0}))
    assert [row[:2] for row in notes["tallies"]] == [["present", "careful"]]


def test_turns_that_a_bot_plays_by_itself_are_not_learned_from_and_close_what_came_before() -> None:
    rows, _ = collected(Board(), last_legal, by_itself, stretches=8)
    assert rows
    assert {row.seat for row in rows} == {0}
    ended = [row for row in rows if row.discount == 0.0]
    assert len(ended) == NUM_BATTLES
    assert {row.opponent for row in ended} == {Source.SCRIPTED}


def test_battles_of_bots_that_play_by_themselves_are_refused_by_restore() -> None:
    battles = ScalarBattles(Board(), Encoder(Board()), 1, 0)
    battles.step(np.array([battles.ask(0, by_itself, Random(1))]))
    with pytest.raises(ValueError, match="cannot be played again"):
        ScalarBattles(Board(), Encoder(Board()), 1, 0).restore(battles.snapshot())


@pytest.mark.parametrize("game", [Board(), CardTable(plugin_seats=(2,)), AtOnce()], ids=["board", "cards", "at once"])
def test_worker_collects_and_measures_games_by_what_they_declare(game: Any) -> None:
    worker, flat = worker_of(game)
    columns, notes = worker.obey({"present": flat}, order())
    assert notes["decisions"] == 8 * 60
    assert notes["battles"] > 0
    assert {"present", "random"} <= {name for pair in notes["tallies"] for name in pair[:2]}
    assert not any(wrong.any() for wrong in faults(columns).values())
    own = set(columns["seat"][(columns["version"] == 1) & (columns["opponent"] == Source.SCRIPTED)].tolist())
    assert own == set(Encoder(game).declaration.plugin_seats)
    _, measured = worker.obey({}, {"kind": "measure", "battles": 12, "seed": 1})
    assert len(measured["met"]) == 1


def test_worker_seats_bots_where_the_plugin_may_not_sit() -> None:
    """Present and past policies play in seats 0 and 1 alone; both bots of the game take their turn in seat 2."""
    game = CardTable(plugin_seats=(0, 1))
    asked: list[tuple[int, str]] = []

    def noting(name: str) -> Any:
        return lambda battle, random: asked.append((battle.seat, name)) or game_bots[name](battle, random)  # type: ignore[func-returns-value]

    game_bots = CardTable.bots
    game.bots = {name: noting(name) for name in game_bots}
    worker, flat = worker_of(game)
    mix = {"itself": 0.5, "version 3": 0.5}
    columns, _ = worker.obey(
        {"present": flat, "version 3": flat}, order(versions={"present": 5, "version 3": 3}, mix=mix)
    )
    assert set(asked) == {(2, "random"), (2, "careful")}
    seated = zip(columns["seat"].tolist(), columns["version"].tolist(), strict=True)
    assert set(seated) == {(0, 3), (0, 5), (1, 3), (1, 5), (2, -1)}
