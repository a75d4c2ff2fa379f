"""Versions: the family tree, and what can be done with the chosen one: let it play, export it; import, roll back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cornerman.panel.lettering import Colour
from cornerman.panel.page import Controls, Page, Part
from cornerman.panel.panel_text import number
from cornerman.panel.sheet import FOCUSED, GOLD, GOOD, QUIET, ROW, WORDS, Box, Sheet
from cornerman.panel.widgets import draw_button, draw_words

GAP, LIST_ROW, BUTTON_HEIGHT = 6.0, 18.0, 26.0
MOST_LANES, LANE_WIDTH = 6, 11.0
NO_VERSION = "No version is stored yet: the first one appears here when learning has made one that may play."


class Node(NamedTuple):
    """How the tree runs through one row: from lanes above into the version's lane, past it, and down to its parent."""

    lane: int
    joins: tuple[int, ...]
    passes: tuple[int, ...]
    goes_on: bool


class Versions(Page):
    title = "Versions"

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._chosen: int | None = None  # None: the one that plays
        self._first = 0  # the row at the top
        self._listed: list[int] = []
        self._plays: int | None = None

    def parts(self, box: Box, report: Mapping[str, Any]) -> list[Part]:
        versions: Sequence[Mapping[str, Any]] = report.get("versions") or ()
        rest, buttons = box.cut_top(box.height - BUTTON_HEIGHT - GAP, GAP)
        listed, details = rest.cut_top(rest.height - 3 * ROW - 10 - GAP, GAP)
        self._listed = [int(version["version"]) for version in versions]
        self._plays = next((int(version["version"]) for version in versions if version.get("playing")), None)
        chosen, shown = self._index(), max(1, int((listed.height - 10 - ROW) / LIST_ROW))
        self._first = min(max(self._first, chosen - shown + 1), chosen, max(0, len(versions) - shown))
        nodes = nodes_of([(int(version["version"]), version.get("parent")) for version in versions])
        rows = list(zip(versions, nodes, strict=True))[self._first : self._first + shown]
        data = (rows, chosen - self._first, self._first, len(versions) - self._first - len(rows))
        return [
            Part("list", listed, draw_list, data, click=lambda x, y: self._click(y * listed.height)),
            Part("details", details, draw_words, details_of(versions[chosen]) if versions else NO_VERSION),
            *self._buttons(buttons, versions[chosen] if versions else {}),
        ]

    def _buttons(self, box: Box, chosen: Mapping[str, Any]) -> list[Part]:
        def promote() -> str:
            version, note = chosen["version"], chosen.get("note") or "not known why"
            return self._controls.promote(version) if can_play else f"Version {version} cannot play: {note}."

        def export() -> str:
            return self._controls.export(chosen["version"])

        can_play = bool(chosen.get("can_play"))
        here = {"play": ("Let it play" if can_play else "It cannot play", promote), "export": ("Export it", export)}
        buttons = here if chosen else {}
        buttons["import"] = "Import: I", self._controls.import_model
        buttons["back"] = "Roll back: B", self._controls.roll_back
        return [
            Part(name, each, draw_button, (words, words), press)
            for (name, (words, press)), each in zip(buttons.items(), box.columns(len(buttons), GAP), strict=True)
        ]

    def _index(self) -> int:
        """Place of the chosen version in the list: where none is or it is gone, of the one that plays."""
        for version in (self._chosen, self._plays):
            if version in self._listed:
                return self._listed.index(version)
        return 0

    def move(self, rows: int) -> bool:
        if self._listed:
            self._chosen = self._listed[min(max(self._index() + rows, 0), len(self._listed) - 1)]
        return True

    def _click(self, y: float) -> None:
        row = self._first + int((y - 5 - ROW) // LIST_ROW)
        if y > 5 + ROW and row < len(self._listed):
            self._chosen = self._listed[row]


def nodes_of(versions: Sequence[tuple[int, int | None]]) -> list[Node]:
    """The tree of versions and their parents, newest first: each line of descent in a lane until it meets another."""
    known, waits, nodes = {version for version, _ in versions}, list[int | None](), list[Node]()
    for version, parent in versions:
        joins = tuple(lane for lane, wanted in enumerate(waits) if wanted == version)
        passes = tuple(lane for lane, wanted in enumerate(waits) if wanted not in (version, None))
        waits = [None if wanted == version else wanted for wanted in waits]
        if None not in waits:
            waits.append(None)
        lane = joins[0] if joins else waits.index(None)
        goes_on = parent in known and parent != version
        waits[lane] = parent if goes_on else None
        nodes.append(Node(lane, joins, passes, goes_on))
    return nodes


def details_of(version: Mapping[str, Any]) -> str:
    parent, note = version.get("parent"), str(version.get("note") or "")
    made = str(version.get("made") or "")[:16].replace("T", " ")
    words = [
        f"Version {version['version']}" + (f", from version {parent}" if parent is not None else ""),
        str(version.get("origin") or ""),
        f"made {made}" if made else "",
        number(version.get("rating"), "rating {:,.0f}", "not rated"),
        "it plays" if version.get("playing") else "",
    ]
    return f"{'; '.join(filter(None, words))}. {f'{note[0].upper()}{note[1:]}.' if note else ''}".strip()


def draw_list(sheet: Sheet, data: tuple[list[tuple[Mapping[str, Any], Node]], int, int, int]) -> None:
    """Versions with their part of the tree, the place of the chosen one among them, and how many there are above them
    and below."""
    rows, chosen, above, below = data
    inner = sheet.card()
    strip, inner = inner.cut_top(ROW)
    lanes = 1 + max((max([node.lane, *node.passes]) for _, node in rows), default=0)
    tree = LANE_WIDTH * min(lanes, MOST_LANES) + 4
    _draw_columns(sheet, strip, tree, ("", "rating", "made", "how"), QUIET)
    more = [f"{count} {where}" for count, where in ((above, "above"), (below, "below")) if count]
    sheet.text(f"{', '.join(more)}" if more else "", strip, QUIET, "right")
    for at, (version, node) in enumerate(rows):
        line, inner = inner.cut_top(LIST_ROW)
        if at == chosen:
            sheet.fill(FOCUSED, line, 3)
            sheet.fill(GOLD, line, 3, line=1)
        playing = bool(version.get("playing"))
        _draw_node(sheet, line, node, playing)
        words = (
            f"{version['version']}{' plays' if playing else ''}",
            number(version.get("rating"), "{:,.0f}", "-"),
            str(version.get("made") or "")[:10],
            str(version.get("origin") or ""),
        )
        _draw_columns(sheet, line, tree, words, GOLD if playing else WORDS if version.get("can_play") else QUIET)


def _draw_columns(sheet: Sheet, line: Box, tree: float, words: Sequence[str], colour: Colour) -> None:
    """Draw the number, rating, time and origin of a row, right of the tree."""
    version, rest = line.cut_left(tree, 2)[1].cut_left(62, 2)
    rating, rest = rest.cut_left(42, 8)
    made, origin = rest.cut_left(min(74, rest.width * 0.5), 8)
    origin = origin._replace(width=max(0.0, origin.width - 3))
    aligned = zip(words, (version, rating, made, origin), ("left", "right", "left", "left"), strict=True)
    for text, place, align in aligned:
        sheet.text(text, place, colour, align)


def _draw_node(sheet: Sheet, line: Box, node: Node, playing: bool) -> None:
    """The part of the tree in a row; who plays is a filled dot, others are rings."""
    middle = line.top + line.height / 2

    def x(lane: int) -> float:
        return line.left + LANE_WIDTH * (min(lane, MOST_LANES - 1) + 0.5)

    for lane in node.passes:
        sheet.line(GOOD, [(x(lane), line.top), (x(lane), line.bottom)])
    for lane in node.joins:
        sheet.line(GOOD, [(x(lane), line.top), (x(node.lane), middle)])
    if node.goes_on:
        sheet.line(GOOD, [(x(node.lane), middle), (x(node.lane), line.bottom)])
    sheet.dot(GOLD if playing else GOOD, x(node.lane), middle, 4)
    if not playing:
        sheet.dot(FOCUSED, x(node.lane), middle, 2)
