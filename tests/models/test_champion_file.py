"""champion_line.py: a line against a plain list, and the note of it kept twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.files.atomic import to_json
from cornerman.models.champion_file import FILE_NAME, SCHEMA, SPARE_NAME, ChampionLine, _digest, read_line, write_line
from tests.support.failing_files import ENDLESS, failing

steps = st.lists(
    st.one_of(
        st.tuples(st.just("promote"), st.integers(0, 5)),
        st.tuples(st.just("roll"), st.just(0)),
        st.tuples(st.just("remove"), st.integers(0, 5)),
    ),
    max_size=30,
)


@given(steps)
def test_champion_file_behaves_like_a_plain_list(operations: Any) -> None:
    line, plain = ChampionLine(), list[int]()
    for what, version in operations:
        if what == "promote":
            line = line.promoted(version)
            plain += [version] if plain[-1:] != [version] else []
        elif what == "roll":
            line = line.rolled()
            plain = plain[:-1] if len(plain) > 1 else plain
        else:
            line = line.without({version})
            left = [other for other in plain if other != version]
            plain = [other for at, other in enumerate(left) if at == 0 or left[at - 1] != other]
        assert list(line.line) == plain
        assert line.champion == (plain[-1] if plain else None)
        assert line.predecessor == (plain[-2] if len(plain) > 1 else None)


def test_champion_file_is_read_back_and_an_empty_folder_holds_none(tmp_path: Path) -> None:
    assert read_line(tmp_path) == (None, [])
    line = ChampionLine((0, 2, 5), (4,), (2,), 9)
    write_line(tmp_path, line)
    assert read_line(tmp_path) == (line, [])


@pytest.mark.parametrize("lasting", [False, True])
def test_old_or_new_champions_are_read_whichever_file_operation_fails(tmp_path: Path, lasting: bool) -> None:
    old, new = ChampionLine((0, 1), next_version=2), ChampionLine((0, 1, 2), next_version=3)
    for nth in range(1, ENDLESS):
        write_line(tmp_path, old)
        failed = False
        with failing(nth, lasting) as state:
            try:
                write_line(tmp_path, new)
            except OSError:
                failed = True
        line, sentences = read_line(tmp_path)
        assert sentences == []
        assert line == new or (failed and line == old)
        if not state.hit:
            return
    pytest.fail("there is no end to the file operations")


GOOD = {"schema": SCHEMA, "line": [0], "rolled_back": [], "cleared": [], "next_version": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 1},
        {"line": "0"},
        {"line": [-1]},
        {"line": [True]},
        {"line": [0.5]},
        {"cleared": None},
        {"next_version": "1"},
    ],
)
def test_damaged_champion_file_is_reported_and_the_spare_is_read(tmp_path: Path, changes: Any) -> None:
    write_line(tmp_path, ChampionLine((3,), next_version=4))
    note = {**GOOD, **changes}
    (tmp_path / FILE_NAME).write_bytes(to_json({**note, "sha256": _digest(note)}))
    line, sentences = read_line(tmp_path)
    assert line is not None
    assert line.line == (3,)
    assert len(sentences) == 1
    assert "checksum" not in sentences[0]
    (tmp_path / SPARE_NAME).write_bytes(b"[]")
    line, sentences = read_line(tmp_path)
    assert line is None
    assert len(sentences) == 2


def test_mutated_champion_file_never_names_other_versions(tmp_path: Path) -> None:
    """`"line": [0, 1]` without two numbers is good JSON, and says that nobody plays."""
    line = ChampionLine((0, 1, 12), (2,), (1,), 13)
    write_line(tmp_path, line)
    whole, refused = (tmp_path / FILE_NAME).read_bytes(), 0
    (tmp_path / SPARE_NAME).unlink()
    harmed = [whole[:at] + whole[at + length :] for at in range(len(whole)) for length in range(1, 14)]
    harmed += [whole[:at] + b"7" + whole[at + 1 :] for at in range(len(whole))]
    for data in harmed:
        (tmp_path / FILE_NAME).write_bytes(data)
        found, sentences = read_line(tmp_path)
        assert found == line or (found is None and len(sentences) == 1), data
        refused += found is None
    assert refused > 1000
