"""Page: a list of parts, laid out in a box from the report; what a part does when it is pressed, stepped or clicked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from cornerman.panel.sheet import Box, Sheet


class Controls(Protocol):
    """What the panel may change; a text that is returned is a message for the player."""

    def set_on(self, on: bool) -> None: ...
    def set_recording(self, on: bool) -> None: ...
    def set_learning(self, on: bool) -> None: ...
    def set_difficulty(self, level: int) -> None: ...
    def import_model(self) -> str: ...
    def forget(self) -> str: ...
    def count_battles(self, player: str, tell: Callable[[int], None]) -> None: ...
    def forget_player(self, player: str) -> str: ...
    def promote(self, version: int) -> str: ...
    def export(self, version: int) -> str: ...
    def roll_back(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a page. It is drawn again only when its data, its box or its focus changes."""

    name: str
    box: Box
    draw: Callable[[Sheet, Any], None]
    data: Any = None
    """All that is drawn; compared with what was."""
    press: Callable[[], str | None] | None = None
    """Enter or a click; a part with it can be in focus. Returns a message for the player."""
    step: Callable[[int], None] | None = None
    """The keys left (-1) and right (1)."""
    click: Callable[[float, float], None] | None = None
    """A click where these shares of the box's width and height lie; without it a click presses."""
    confirm: Callable[[], None] | None = None
    """What the first of two presses does; None: one is enough."""


class Page:
    """One page of the panel. It knows no other page; what it remembers (a row, where a list begins) is its own."""

    title: ClassVar[str]

    def parts(self, box: Box, report: Mapping[str, Any]) -> list[Part]:
        """The page in its box, in the order of the focus."""
        raise NotImplementedError

    def move(self, rows: int) -> bool:
        """Take an arrow key up (-1) or down (1), or the mouse wheel; False: the focus moves instead."""
        del rows
        return False
