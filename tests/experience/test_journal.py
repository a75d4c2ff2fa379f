from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cornerman.contract import BattleEnd, Source, Transition
from cornerman.experience.journal import PLAYER, SELF_PLAY, Journal, kind_of
from cornerman.experience.segment import Header, scan
from tests.support.paths import ROOT
from tests.support.sample_states import chain, same

HEADER = Header("duel", "1", "abc", 2, 3)
SEATS = {PLAYER: {0: Source.PLUGIN, 1: Source.PLAYER}, SELF_PLAY: {0: Source.PLUGIN, 1: Source.PLUGIN}}


def battle(battle_id: int, kind: str = PLAYER, rows: int = 5) -> tuple[BattleEnd, list[Transition]]:
    end = BattleEnd(battle_id, {0: 1, 1: -1}, False, SEATS[kind])
    return end, chain(rows, battle_id=battle_id, seed=battle_id)


def ids(journal: Journal, kind: str = PLAYER, min_rows: int | None = None) -> list[int]:
    return [stored.end.battle_id for stored in journal.battles(kind, min_rows)]


def filled(folder: Path, count: int, **limits: int) -> Journal:
    journal = Journal(folder, HEADER, **limits)
    for battle_id in range(count):
        journal.append(*battle(battle_id))
    return journal


def newest(folder: Path, kind: str = PLAYER) -> Path:
    return max(folder.glob(f"{kind}-*.journal"))


def test_battles_come_back_in_the_next_session(tmp_path: Path) -> None:
    filled(tmp_path, 3).close()
    journal = Journal(tmp_path, HEADER)
    items = list(journal.rows(PLAYER))
    assert [type(item).__name__ for item in items] == (["Transition"] * 5 + ["BattleEnd"]) * 3
    expected = [item for battle_id in range(3) for end, rows in [battle(battle_id)] for item in (*rows, end)]
    for item, wanted in zip(items, expected, strict=True):
        if isinstance(item, Transition) and isinstance(wanted, Transition):
            assert same(item, wanted)
        else:
            assert item == wanted
    assert journal.messages == []


def test_sessions_share_a_file(tmp_path: Path) -> None:
    for session in range(4):
        journal = Journal(tmp_path, HEADER)
        journal.append(*battle(session))
        journal.close()
    assert ids(Journal(tmp_path, HEADER)) == [0, 1, 2, 3]
    if sys.platform != "win32":
        assert len(list(tmp_path.iterdir())) == 1


def test_the_player_s_battles_lie_in_files_of_their_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    for battle_id in range(6):
        journal.append(*battle(battle_id, SELF_PLAY if battle_id % 2 else PLAYER))
    assert (ids(journal, PLAYER), ids(journal, SELF_PLAY)) == ([0, 2, 4], [1, 3, 5])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["player-000001.journal", "self-play-000001.journal"]


@pytest.mark.parametrize("field", ["source", "opponent"])
def test_one_row_of_the_player_makes_it_the_player_s(field: str) -> None:
    end, rows = battle(1, SELF_PLAY)
    assert kind_of(end, rows) == SELF_PLAY
    assert kind_of(end, [*rows, replace(rows[0], **{field: Source.PLAYER})]) == PLAYER


def test_what_the_recorder_hands_over_can_be_taken_as_it_comes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    (one, one_rows), (two, two_rows) = battle(1), battle(2)
    taken = [journal.take(item) for pair in zip(one_rows, two_rows, strict=True) for item in pair]
    assert not any(taken)
    assert ids(journal) == []
    assert journal.take(two)
    assert journal.take(one)
    assert ids(journal) == [2, 1]
    assert not journal.take(battle(3)[0])  # nothing was recorded of it


@pytest.mark.parametrize("cut", [1, 5, 11, 12, 13, 60, 200])
def test_a_half_written_tail_is_dropped_with_a_line(tmp_path: Path, cut: int, caplog: pytest.LogCaptureFixture) -> None:
    filled(tmp_path, 3).close()
    path = newest(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    journal = Journal(tmp_path, HEADER)
    with caplog.at_level(logging.WARNING, "cornerman"):
        assert ids(journal) == [0, 1]
    assert "half-written battle" in caplog.text
    journal.append(*battle(9))
    journal.close()
    again = Journal(tmp_path, HEADER)
    assert ids(again) == [0, 1, 9]
    if sys.platform != "win32":
        assert again.messages == []


@pytest.mark.parametrize("left", [0, 3, 20])
def test_a_file_that_was_only_begun_is_no_trouble(tmp_path: Path, left: int) -> None:
    filled(tmp_path, 1).close()
    os.truncate(newest(tmp_path), left)
    journal = Journal(tmp_path, HEADER)
    assert ids(journal) == []
    journal.append(*battle(4))
    assert ids(journal) == [4]


def test_damage_in_the_middle_costs_one_battle(tmp_path: Path) -> None:
    filled(tmp_path, 5).close()
    path = newest(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(bytes(data))
    journal = Journal(tmp_path, HEADER)
    assert len(ids(journal)) == 4
    assert "is damaged" in journal.messages[0]
    journal.append(*battle(9))
    assert len(ids(journal)) == 5


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (replace(HEADER, game_version="2"), "game_version 1 instead of 2"),
        (replace(HEADER, encoder_version="xyz"), "encoder_version abc instead of xyz"),
        (replace(HEADER, game="chess"), "game duel instead of chess"),
        (replace(HEADER, schema=2), "schema 1 instead of 2"),
    ],
)
def test_files_of_another_version_are_set_aside_and_kept(tmp_path: Path, header: Header, words: str) -> None:
    filled(tmp_path, 2).close()
    journal = Journal(tmp_path, header)
    assert ids(journal) == []
    assert words in journal.messages[0]
    assert "set aside" in journal.messages[0]
    journal.append(*battle(5))
    assert ids(journal) == [5]
    journal.close()
    assert ids(Journal(tmp_path, HEADER)) == [0, 1]


def test_rows_that_fail_the_checks_are_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    end, rows = battle(1)
    rows[1] = replace(rows[1], observation=np.array([np.nan, 0], np.float32))
    rows[3] = replace(rows[3], reward=float("inf"), source=Source.UNKNOWN)
    journal.append(end, rows)
    (stored,) = journal.battles(PLAYER)
    assert stored.columns["index"].tolist() == [0, 2, 4]
    assert journal.messages == ["player-000001.journal: 2 rows of battle 1 were left out (observation, reward)."]


def test_the_disk_is_bounded_and_the_oldest_goes_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER, max_bytes=20_000, segment_bytes=3_000)
    journal.append(*battle(1000, SELF_PLAY))
    for battle_id in range(200):
        journal.append(*battle(battle_id))
        assert journal.num_bytes(PLAYER) <= 20_000
    kept = ids(journal)
    assert kept == list(range(200 - len(kept), 200))
    assert len(kept) > 20
    assert ids(journal, SELF_PLAY) == [1000]


def test_one_battle_larger_than_a_file_still_fits(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER, max_bytes=20_000, segment_bytes=100)
    journal.append(*battle(1, rows=20))
    journal.append(*battle(2, rows=20))
    assert ids(journal) == [1, 2]


def test_only_as_much_is_read_as_is_asked_for(tmp_path: Path) -> None:
    journal = filled(tmp_path, 40, max_bytes=10**6, segment_bytes=2_000)
    some = ids(journal, min_rows=20)
    assert some == list(range(40 - len(some), 40))
    assert 4 <= len(some) < 20


def test_forgetting_erases_the_player_and_says_what(tmp_path: Path) -> None:
    journal = filled(tmp_path, 4)
    journal.append(*battle(9, SELF_PLAY))
    journal.take(battle(5)[1][0])
    size = journal.num_bytes(PLAYER)
    erased = journal.forget()
    assert (erased.battles, erased.rows, erased.files, erased.num_bytes) == (4, 20, 1, size)
    assert "Erased 4 battles" in erased.text()
    assert "20 decisions" in erased.text()
    assert (ids(journal), ids(journal, SELF_PLAY)) == ([], [9])
    assert not journal.take(battle(5)[0])  # what was pending is forgotten as well
    journal.append(*battle(6))
    assert ids(journal) == [6]
    assert [path.name for path in tmp_path.glob("*player*")] == ["player-000001.journal"]


def test_forgetting_takes_other_versions_and_ruins_along(tmp_path: Path) -> None:
    filled(tmp_path, 2).close()
    (tmp_path / "player-000007.journal").write_bytes(b"ruined")
    erased = Journal(tmp_path, replace(HEADER, game_version="2")).forget()
    assert erased.files == 2
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_forget_says_so(tmp_path: Path) -> None:
    assert "Nothing was stored" in Journal(tmp_path, HEADER).forget().text()


def test_a_forget_that_was_cut_short_is_finished_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = filled(tmp_path, 30, max_bytes=10**6, segment_bytes=2_000)
    unlink, calls = Path.unlink, []

    def killed(self: Path, missing_ok: bool = False) -> None:
        calls.append(self)
        if len(calls) == 3:
            raise KeyboardInterrupt
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        journal.forget()
    monkeypatch.undo()
    assert list(tmp_path.glob("player-*.journal"))
    again = Journal(tmp_path, HEADER)
    assert "has been finished" in again.messages[0]
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_loses_one_battle_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = filled(tmp_path, 2)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        journal.append(*battle(2))
    monkeypatch.undo()
    journal.append(*battle(3))
    assert ids(journal) == [0, 1, 3]


def test_rows_of_another_size_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path, replace(HEADER, observation_size=5))
    with pytest.raises(ValueError, match="broadcast"):
        journal.append(*battle(0))
    assert list(tmp_path.iterdir()) == []


def test_two_games_at_once_write_to_files_of_their_own(tmp_path: Path) -> None:
    one, other = Journal(tmp_path, HEADER), Journal(tmp_path, HEADER)
    for battle_id in range(6):
        (other if battle_id % 2 else one).append(*battle(battle_id))
    assert sorted(ids(Journal(tmp_path, HEADER))) == list(range(6))
    assert len(list(tmp_path.iterdir())) == 2


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    for name in ("player-1.journal", "player-000001.journal.bak", "notes.txt", "player-abcdef.journal"):
        (tmp_path / name).write_text("mine")
    journal = filled(tmp_path, 1)
    journal.forget()
    assert len(list(tmp_path.iterdir())) == 4


WRITER = """
import sys
from pathlib import Path
from cornerman.experience.journal import Journal
from tests.experience.test_journal import HEADER, battle

journal = Journal(Path(sys.argv[1]), HEADER, segment_bytes=5_000)
for battle_id in range(int(sys.argv[2]), 10**9):
    journal.append(*battle(battle_id))
    print(battle_id, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_every_acknowledged_battle_survives_a_kill(tmp_path: Path) -> None:
    first = 0
    for attempt in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(first)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.05 + 0.037 * attempt)  # somewhere in the middle of a write, a sync or a new file
            process.kill()
            acknowledged = [first, *map(int, process.stdout.read().split())]
        stored = ids(Journal(tmp_path, HEADER))
        assert stored[: acknowledged[-1] + 1] == list(range(acknowledged[-1] + 1))
        assert len(stored) <= acknowledged[-1] + 2  # at most the one whose acknowledgement was not read
        first = len(stored)
    assert first > 20
    assert all(scan(path.read_bytes()).lost_bytes == 0 for path in tmp_path.glob("*.journal"))
