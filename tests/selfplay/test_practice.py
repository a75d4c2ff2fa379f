"""Practice: whom it meets, what is recorded, and that it stops when asked."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from cornerman.contract import BattleEnd, Source, Transition
from cornerman.experience.battle_store import FIRST_SELF_PLAY_ID
from cornerman.experience.encoder import Encoder
from cornerman.experience.rewards import RewardCalculator
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.practice import Practice
from game_adapter.ringside.game import RINGSIDE
from tests.support.choosing import Choosing
from tests.support.duel import Duel
from tests.support.opinions import opinion


class DrivenPractice(Practice):
    """Played by the same newest policy throughout."""

    newest: Policy

    def play_on(self) -> bool:
        return self.advance(self.newest)


def practice(game: Any, seed: int = 0, epsilon: float = 0.1) -> DrivenPractice:
    encoder = Encoder(game)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, (8,))
    policies = tuple(Policy(spec, opinion(spec, i), i) for i in range(4))
    made = DrivenPractice(game, encoder, RewardCalculator(), Random(seed), lambda: policies[:3], epsilon)
    made.newest = policies[-1]
    return made


def played(practice: DrivenPractice, battles: float, turns: int = 100_000) -> list[Transition | BattleEnd]:
    practice.due += battles
    for _ in range(turns):
        if not practice.play_on():
            break
    else:
        raise AssertionError("it never came to an end")
    rows = list(practice.rows)
    practice.rows.clear()
    return rows


def test_practice_records_both_seats_of_every_battle_to_its_end() -> None:
    items = played(practice(RINGSIDE), 12)
    ends = [item for item in items if isinstance(item, BattleEnd)]
    rows = [item for item in items if isinstance(item, Transition)]
    assert [end.battle_id for end in ends] == [FIRST_SELF_PLAY_ID + number for number in range(12)]
    assert not any(end.truncated for end in ends)
    for end in ends:
        mine = [row for row in rows if row.battle_id == end.battle_id]
        assert {row.seat for row in mine} == {0, 1}
        for seat in (0, 1):
            last = [row for row in mine if row.seat == seat][-1]
            assert last.discount == 0.0
            assert set(end.outcome.values()) <= {-1, 0, 1}
    assert isinstance(items[-1], BattleEnd), "the last battle's end is there to be collected, too"


def test_due_adds_up_parts_of_battles() -> None:
    practise = practice(Choosing())
    ends = [sum(isinstance(item, BattleEnd) for item in played(practise, 0.4)) for _ in range(10)]
    assert ends == [0, 0, 1, 0, 1, 0, 0, 1, 0, 1]


def test_practice_meets_bots_itself_and_champions_from_both_seats() -> None:
    practise = practice(Duel())
    met: Counter[tuple[int, Source]] = Counter()
    for item in played(practise, 300):
        if isinstance(item, BattleEnd):
            seat = (item.battle_id - FIRST_SELF_PLAY_ID) % 2
            assert item.seats[seat] is Source.PLUGIN
            met[seat, item.seats[1 - seat]] += 1
    assert min(met.values()) > 30
    assert met.keys() == {(seat, source) for seat in (0, 1) for source in (Source.SCRIPTED, Source.PLUGIN)}


def test_practice_repeats_by_seed() -> None:
    first, same, other = (played(practice(RINGSIDE, seed), 3) for seed in (1, 1, 2))

    def told(items: list[Any]) -> list[Any]:
        return [(i.seat, i.action, i.reward) if isinstance(i, Transition) else i.outcome for i in items]

    assert told(first) == told(same)
    assert told(first) != told(other)


def test_advance_plays_one_turn_and_clear_drops_everything() -> None:
    practise = practice(RINGSIDE)
    practise.due = 5.0
    for _ in range(7):
        assert practise.play_on()
    assert 0 < len(practise.rows) <= 7
    practise.clear()
    assert not practise.play_on()
    assert not practise.rows
    assert len([item for item in played(practise, 1) if isinstance(item, BattleEnd)]) == 1


def test_practice_cuts_off_a_battle_that_never_ends() -> None:
    items = played(practice(Duel(endless=True)), 1)
    assert isinstance(items[-1], BattleEnd)
    assert items[-1].truncated
    assert all(row.discount == 1.0 for row in items[:-1] if isinstance(row, Transition))


def test_practice_needs_no_bots() -> None:
    assert len(played(practice(Duel(bots={})), 10)) == 30
