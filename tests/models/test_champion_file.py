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


@given(st.lists(st.tuples(st.sampled_from(["promote", "roll", "remove"]), st.integers(0, 5)), max_size=30))
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


GOOD = {"schema": SCHEMA, "line": [0], "rolled_back": [], "cleared": [], "next_version": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [("schema", 1), *(("line", bad) for bad in ("0", [-1], [True], [0.5])), ("cleared", None), ("next_version", "1")],
)
def test_damaged_champion_file_is_reported_and_the_spare_is_read(tmp_path: Path, name: str, value: Any) -> None:
    write_champions(tmp_path, ChampionRecord((3,), next_version=4))
    content = {**GOOD, name: value}
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
    assert read_champions(tmp_path) == (None, []), "a new folder"
    write_champions(tmp_path, record)
    assert read_champions(tmp_path) == (record, [])
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
