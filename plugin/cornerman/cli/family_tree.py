"""The stored versions as a family tree in plain text, with how strong each is and how it came to play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cornerman.evaluation.ratings import Rating
from cornerman.models.registry import VersionEntry


def tree_lines(entries: Sequence[VersionEntry], ratings: Mapping[str, Rating]) -> list[str]:
    """One line a version, families apart, e.g.

        0  kept
        1  kept  +40 (-5 to +85)  400 steps
        ├─ 2  rolled back  800 steps
        3  champion  +112 (+60 to +164)  1,200 steps

    The newest child goes on in its parent's column; its older siblings branch off above it. A version whose parent is
    gone, damaged or unknown begins a family.
    """
    known = {entry.version for entry in entries if entry.manifest is not None}
    children: dict[int | None, list[VersionEntry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.version):
        parent = entry.manifest.parent if entry.manifest is not None else None
        # A parent is always older; a manifest that says otherwise must not lead in a circle.
        children.setdefault(parent if parent in known and parent < entry.version else None, []).append(entry)
    lines: list[str] = []
    for founder in children.get(None, []):
        lines += [""] if lines else []
        waiting = [(founder, "", "")]
        while waiting:
            entry, before, branch = waiting.pop()
            lines.append(f"{before}{branch}{entry.version}  {_described(entry, ratings.get(str(entry.version)))}")
            column = before + ("│  " if branch else "")
            offspring = children.get(entry.version, [])
            waiting += [(heir, column, "") for heir in offspring[-1:]]
            waiting += [(sibling, column, "├─ ") for sibling in reversed(offspring[:-1])]
    return lines


def _described(entry: VersionEntry, rating: Rating | None) -> str:
    if entry.manifest is None:
        return f"{entry.state}: {entry.problem}"
    words = [entry.state]
    if rating is not None:
        words.append(f"{rating.points:+.0f} ({rating.low:+.0f} to {rating.high:+.0f})")
    if entry.manifest.learning_steps:
        words.append(f"{entry.manifest.learning_steps:,} steps")
    return "  ".join(words)
