"""What was recorded comes back in the next session, under numbers of its own; a failing disk costs a sentence."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cornerman.contract import BattleEnd, Source
from cornerman.experience.append_file import AppendFile
from cornerman.experience.journal import PLAYER, SELF_PLAY
from cornerman.experience.safekeeping import FOLDER_NAME, Safekeeping
from cornerman.experience.segment import Header
from cornerman.selfplay.practice import FIRST_ID
from tests.support.choosing import Gym
from tests.support.sample_states import chain

HEADER = Header("duel", "1", "abc", 2, 3)


def session(folder: Path) -> tuple[Safekeeping, list[str]]:
    said: list[str] = []
    safe = Safekeeping(folder, HEADER, said.append)
    safe.open()
    return safe, said


def live(safe: Safekeeping, battle_id: int) -> int:
    """One battle of the game; returns the number that it bears here."""
    for row in chain(2, battle_id=battle_id):
        safe.take_live(row)
    return safe.take_live(BattleEnd(battle_id, {0: 1, 1: -1}, False, {0: Source.PLAYER})).battle_id


def numbers(safe: Safekeeping, kind: str) -> list[int]:
    return [item.battle_id for item in safe.stored(kind, 10_000) if isinstance(item, BattleEnd)]


def test_the_first_session_keeps_the_game_s_numbers_and_later_ones_go_on(tmp_path: Path) -> None:
    safe, said = session(tmp_path)
    assert [live(safe, battle_id) for battle_id in (1, 2, 3)] == [1, 2, 3]
    assert safe.kept == 3
    safe.close()
    safe, _ = session(tmp_path)
    assert [live(safe, battle_id) for battle_id in (1, 2)] == [4, 5]
    assert numbers(safe, PLAYER) == [1, 2, 3, 4, 5]
    assert said == []


def test_a_game_that_counts_from_anywhere(tmp_path: Path) -> None:
    for ids in ([2**63 - 1, -5], [2**63 - 1, -5, 0]):
        safe, said = session(tmp_path)
        for battle_id in ids:
            assert 0 <= live(safe, battle_id) < FIRST_ID
        safe.close()
        assert said == []
    assert len(set(numbers(safe, PLAYER))) == 5


def test_battles_without_an_end_take_no_room(tmp_path: Path) -> None:
    safe, _ = session(tmp_path)
    for battle_id in range(3000):
        safe.take_live(chain(1, battle_id=battle_id)[0])
    assert len(safe._open) == 1024
    assert live(safe, 2999) == 2999


def test_sparring_lies_apart_and_above(tmp_path: Path) -> None:
    for expected in (FIRST_ID, FIRST_ID + 1):
        safe, _ = session(tmp_path)
        for row in chain(2, battle_id=FIRST_ID):
            safe.take_practice(row)
        end = safe.take_practice(BattleEnd(FIRST_ID, {0: 1, 1: -1}, False, {0: Source.PLUGIN}))
        assert end.battle_id == expected
        safe.close()
    assert (numbers(safe, SELF_PLAY), numbers(safe, PLAYER)) == ([FIRST_ID, FIRST_ID + 1], [])


def test_a_full_disk_is_told_once_and_again_after_it_worked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    safe, said = session(tmp_path)
    live(safe, 1)
    with monkeypatch.context() as full:

        def refuse(self: AppendFile, data: bytes, sync: bool = True) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr(AppendFile, "write", refuse)
        live(safe, 2)
        live(safe, 3)
    (sentence,) = said
    assert "No space left on device" in sentence
    live(safe, 4)
    assert numbers(safe, PLAYER) == [1, 4]
    monkeypatch.setattr(AppendFile, "write", refuse)
    live(safe, 5)
    assert len(said) == 2


def test_a_folder_that_cannot_be_used_is_told_and_nothing_raises(tmp_path: Path) -> None:
    (tmp_path / FOLDER_NAME).write_text("a file where a folder should be")
    safe, said = session(tmp_path)
    live(safe, 1)
    assert numbers(safe, PLAYER) == []
    assert len(said) == 1
    safe.close()


def test_what_the_journal_found_reaches_the_player(tmp_path: Path) -> None:
    safe, _ = session(tmp_path)
    live(safe, 1)
    live(safe, 2)
    safe.close()
    (path,) = (tmp_path / FOLDER_NAME).glob("player-*")
    path.write_bytes(path.read_bytes()[:-7])
    other = path.with_name("player-000000.journal")
    other.write_bytes(path.read_bytes().replace(b'"duel"', b'"dual"'))
    safe, said = session(tmp_path)
    assert numbers(safe, PLAYER) == [1]
    assert any("half-written battle" in sentence for sentence in said)
    assert len(said) == 2


# ---------------------------------------------------------------------------------------------- within the pipeline


def test_the_next_start_goes_on_with_the_same_rows_and_owes_nothing(tmp_path: Path) -> None:
    settings = {"held_out_fraction": 0.3, "candidate_period": 100_000}  # so no promotion saves what was learned
    before = Gym(tmp_path, **settings)
    before.play(60)
    before.work()
    assert before.learner.steps > 0
    after = Gym(tmp_path, **settings)  # the first one was never closed, as if killed
    after.training.resume()
    mine, back = before.training.rings, after.training.rings
    for ring, again in ((mine.player, back.player), (mine.selfplay, back.selfplay)):
        assert ring.size > 0
        columns = again.columns()
        assert all((column == columns[name]).all() for name, column in ring.columns().items())
    assert len(after.training.held_out.battles) == len(before.training.held_out.battles) > 0
    assert after.metrics.get("fill") == before.metrics.get("fill") == after.training.rings.player.size
    assert after.training.recorded == before.training.recorded
    assert not after.training.slice()
    assert after.learner.steps == 0


def test_counts_of_rows_go_on_over_sessions(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        gym = Gym(tmp_path, held_out_fraction=0.0, practice=2.0)
        gym.training.resume()
        gym.play(10)
        gym.work()
        assert dict(gym.training.memory.rows) == {PLAYER: 20 * number, SELF_PLAY: 40 * number}
        if number == 1:
            gym.training.close()  # and the second is killed
    ids = gym.training.rings.player.columns()["battle_id"]
    assert len(set(ids.tolist())) == 30


def test_the_newest_rows_come_back_where_not_all_fit(tmp_path: Path) -> None:
    gym = Gym(tmp_path, held_out_fraction=0.0, practice=0.0)
    gym.play(80)
    gym.work()
    small = Gym(tmp_path, held_out_fraction=0.0, practice=0.0, replay_capacity=100)
    small.training.resume()
    assert small.training.rings.player.columns()["battle_id"].tolist() == [at for at in range(30, 80) for _ in (0, 1)]


def test_a_full_disk_costs_no_learning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gym = Gym(tmp_path, practice=1.0)

    def refuse(self: AppendFile, data: bytes, sync: bool = True) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(AppendFile, "write", refuse)
    gym.play(60)
    gym.work()
    assert gym.learner.steps > 0
    assert gym.metrics.get("kept") == 0
    assert sum("No space left" in event["text"] for event in gym.metrics.events()) == 1


def test_what_is_paid_for_while_nothing_is_learned_is_bounded(tmp_path: Path) -> None:
    gym = Gym(tmp_path, practice=0.0, held_out_fraction=0.0, updates_per_transition=2.0, replay_capacity=100)
    gym.play(200)
    gym.training.keep()
    assert gym.training._owed == 200.0
    assert gym.training._safe.kept == 200
