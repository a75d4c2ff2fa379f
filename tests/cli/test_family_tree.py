"""family_tree.py: every version once, children under their parents, no circle however the manifests lie."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cornerman.cli.family_tree import tree_lines
from cornerman.evaluation.ratings import Rating
from cornerman.models.registry import VersionEntry
from tests.models.test_manifest import GOOD


def entry(version: int, parent: int | None, state: str = "kept") -> VersionEntry:
    return VersionEntry(version, state, replace(GOOD, version=version, parent=parent, learning_steps=100 * version))


def test_a_family_as_a_picture():
    entries = [
        entry(0, None),
        entry(1, 0),
        entry(2, 1, "rolled back"),
        entry(3, 1, "champion"),
        entry(4, 0),
        entry(6, 5),
        VersionEntry(7, "damaged", None, "It is damaged."),
    ]
    ratings = {"3": Rating(112.4, 60.2, 164.0, 200)}
    assert tree_lines(entries, ratings) == [
        "0  kept",
        "├─ 1  kept  100 steps",
        "│  ├─ 2  rolled back  200 steps",
        "│  3  champion  +112 (+60 to +164)  300 steps",
        "4  kept  400 steps",
        "",
        "6  kept  600 steps",
        "",
        "7  damaged: It is damaged.",
    ]


def test_nobody():
    assert tree_lines([], {}) == []


@given(st.dictionaries(st.integers(0, 12), st.none() | st.integers(0, 12)))
def test_everyone_appears_once_whatever_the_parents_are_said_to_be(parents):
    lines = tree_lines([entry(version, parent) for version, parent in parents.items()], {})
    assert sorted(int(line.lstrip("│├└─ ").split()[0]) for line in lines if line) == sorted(parents)


def test_a_long_line_of_descent_stays_in_one_column():
    lines = tree_lines([entry(version, version - 1 if version else None) for version in range(3000)], {})
    assert len(lines) == 3000
    assert max(len(line) for line in lines) < 40
