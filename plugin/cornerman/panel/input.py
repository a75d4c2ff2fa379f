"""Input: keys, mouse wheel and gamepad as the commands that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pygame

NEXT, PREVIOUS, ENTER, ESCAPE, IMPORT, ROLL_BACK = "next", "previous", "enter", "escape", "import", "roll back"
STEPS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}
"""Arrows: columns to the right, rows down."""
PUSHED, RELEASED = 0.6, 0.3
"""A stick counts once when it is pushed so far, and again after it came back so far."""
BUTTONS = {0: ENTER, 1: ESCAPE, 4: PREVIOUS, 5: NEXT, 9: PREVIOUS, 10: NEXT}
"""A and B (cross and circle); the shoulders, whose numbers differ among pads."""
BUTTONS |= dict(zip(range(11, 15), STEPS, strict=True))  # the directions of pads without a hat


class Input:
    """Which command an event stands for; remembers where the sticks are."""

    def __init__(self) -> None:
        self._pushed: dict[tuple[Any, Any], bool] = {}

    def command(self, event: pygame.event.Event) -> str:
        """A command, the digit of a page, or ""."""
        import pygame

        kind = getattr(event, "type", None)
        if kind == pygame.KEYDOWN:
            return _key(getattr(event, "key", None), getattr(event, "mod", 0))
        if kind == pygame.MOUSEWHEEL:
            return _arrow(0, -_number(getattr(event, "y", 0)))
        if kind == pygame.JOYBUTTONDOWN:
            button = getattr(event, "button", None)
            return BUTTONS.get(button, "") if isinstance(button, int) else ""
        if kind == pygame.JOYHATMOTION:
            return _arrow(*_hat(getattr(event, "value", None)))
        return self._stick(event) if kind == pygame.JOYAXISMOTION else ""

    def _stick(self, event: pygame.event.Event) -> str:
        axis, value = getattr(event, "axis", None), _number(getattr(event, "value", 0))
        stick = (getattr(event, "instance_id", None), axis)
        pushed = abs(value) > (RELEASED if self._pushed.get(stick) else PUSHED)
        begins = pushed and not self._pushed.get(stick)
        self._pushed[stick] = pushed
        return _arrow(value * (axis == 0), value * (axis == 1)) if begins else ""


def _key(key: Any, mod: Any) -> str:
    import pygame

    names = {
        pygame.K_UP: "up",
        pygame.K_DOWN: "down",
        pygame.K_LEFT: "left",
        pygame.K_RIGHT: "right",
        **dict.fromkeys((pygame.K_RETURN, pygame.K_KP_ENTER, pygame.K_SPACE), ENTER),
        pygame.K_ESCAPE: ESCAPE,
        pygame.K_i: IMPORT,
        pygame.K_b: ROLL_BACK,
        **{pygame.K_0 + number: str(number) for number in range(1, 10)},
        **dict(zip(range(pygame.K_KP_1, pygame.K_KP_9 + 1), "123456789", strict=True)),
        pygame.K_TAB: PREVIOUS if isinstance(mod, int) and mod & pygame.KMOD_SHIFT else NEXT,
    }
    return names.get(key, "") if isinstance(key, int) else ""


def _arrow(x: float, y: float) -> str:
    return next((name for name, step in STEPS.items() if x * step[0] + y * step[1] > 0), "")


def _hat(value: Any) -> tuple[float, float]:
    """A hat's direction with y down, as on a screen."""
    if isinstance(value, Sequence) and len(value) == 2:
        return _number(value[0]), -_number(value[1])
    return 0.0, 0.0


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
