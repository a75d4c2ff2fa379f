"""champion_file.py: the record against a plain list, and its two files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.files.atomic import to_json
from cornerman.models.champion_file import (
    FILE_NAME,
    SCHEMA,
    SPARE_NAME,
    ChampionRecord,
    checksum,
    read_champions,
    write_champions,
)
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
    record, plain = ChampionRecord(), list[int]()
    for what, version in operations:
        if what == "promote":
            record = record.promoted(version)
            plain += [version] if plain[-1:] != [version] else []
        elif what == "roll":
            record = record.rolled()
            plain = plain[:-1] if len(plain) > 1 else plain
        else:
            record = record.without({version})
            left = [other for other in plain if other != version]
            plain = [other for at, other in enumerate(left) if at == 0 or left[at - 1] != other]
        assert list(record.champions) == plain
        assert record.champion == (plain[-1] if plain else None)
        assert record.predecessor == (plain[-2] if len(plain) > 1 else None)


def test_champion_file_is_read_back_and_an_empty_folder_holds_none(tmp_path: Path) -> None:
    assert read_champions(tmp_path) == (None, [])
    record = ChampionRecord((0, 2, 5), (4,), (2,), 9)
    write_champions(tmp_path, record)
    assert read_champions(tmp_path) == (record, [])


@pytest.mark.parametrize("lasting", [False, True])
def test_old_or_new_champions_are_read_whichever_file_operation_fails(tmp_path: Path, lasting: bool) -> None:
    old, new = ChampionRecord((0, 1), next_version=2), ChampionRecord((0, 1, 2), next_version=3)
    for nth in range(1, ENDLESS):
        write_champions(tmp_path, old)
        failed = False
        with failing(nth, lasting) as state:
            try:
                write_champions(tmp_path, new)
            except OSError:
                failed = True
        record, sentences = read_champions(tmp_path)
        assert sentences == []
        assert record == new or (failed and record == old)
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
    write_champions(tmp_path, ChampionRecord((3,), next_version=4))
    content = {**GOOD, **changes}
    (tmp_path / FILE_NAME).write_bytes(to_json({**content, "sha256": checksum(content)}))
    record, sentences = read_champions(tmp_path)
    assert record is not None
    assert record.champions == (3,)
    assert len(sentences) == 1
    assert "checksum" not in sentences[0]
    (tmp_path / SPARE_NAME).write_bytes(b"[]")
    record, sentences = read_champions(tmp_path)
    assert record is None
    assert len(sentences) == 2


def test_mutated_champion_file_never_names_other_versions(tmp_path: Path) -> None:
    """`"line": [0, 1]` without two numbers is good JSON, and names no champion."""
    record = ChampionRecord((0, 1, 12), (2,), (1,), 13)
    write_champions(tmp_path, record)
    whole, refused = (tmp_path / FILE_NAME).read_bytes(), 0
    (tmp_path / SPARE_NAME).unlink()
    harmed = [whole[:at] + whole[at + length :] for at in range(len(whole)) for length in range(1, 14)]
    harmed += [whole[:at] + b"7" + whole[at + 1 :] for at in range(len(whole))]
    for data in harmed:
        (tmp_path / FILE_NAME).write_bytes(data)
        found, sentences = read_champions(tmp_path)
        assert found == record or (found is None and len(sentences) == 1), data
        refused += found is None
    assert refused > 1000
