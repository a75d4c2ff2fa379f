"""What moves in the window, as plain numbers over time: blows, shakes, floating figures, bars. It draws nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from game_adapter.ringside.drawing.theme import BAD, GOLD, MEND, QUIET, WARN, Colour
from game_adapter.ringside.turn import Turn

LUNGE_S = 0.2
AFTER_S = 0.42
FLOAT_S = 1.1


def eased(share: float) -> float:
    """0 to 1 with a soft start and end."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def towards(shown: float, wanted: float, dt_s: float, speed: float) -> float:
    """A step of a value that glides to another; it arrives."""
    moved = shown + (wanted - shown) * (1 - math.exp(-speed * dt_s))
    return wanted if abs(wanted - moved) < 0.05 else moved


@dataclass
class Floating:
    """A figure that rises from a fighter and fades."""

    text: str
    fighter: int
    colour: Colour
    size: int
    age_s: float = 0.0

    @property
    def rise(self) -> float:
        return 46 * eased(min(1.0, self.age_s / 0.7))

    @property
    def gone(self) -> bool:
        return self.age_s >= FLOAT_S


def figures(turn: Turn) -> list[Floating]:
    """What floats up after a turn."""
    if turn.skill in ("strike", "heavy") and turn.target is not None:
        if turn.missed:
            return [Floating("miss", turn.target, QUIET, 34)]
        shown = [Floating(f"-{turn.damage}", turn.target, GOLD if turn.critical else BAD, 58 if turn.critical else 44)]
        words = [("critical!", turn.critical), ("guarded", turn.guarded), ("charge broken", turn.broken)]
        said = next((word for word, is_so in words if is_so), None)
        return [*shown, Floating(said, turn.target, WARN, 28, -0.12)] if said else shown
    if turn.skill == "mend" and turn.target is not None:
        return [Floating(f"+{turn.healed}", turn.target, MEND, 44)]
    return []


def sound_of(turn: Turn) -> str:
    """The name of the sound at a turn's impact."""
    if turn.fallen:
        return "fall"
    if turn.missed:
        return "miss"
    if turn.guarded:
        return "guard"
    if turn.charged or turn.critical:
        return "heavy"
    return {"strike": "hit"}.get(turn.skill, turn.skill)


@dataclass
class Clip:
    """One turn, shown: the actor lunges, the impact, everyone settles. `finish` jumps to its end."""

    turn: Turn
    age_s: float = 0.0
    landed: bool = False
    _before: float = field(default=0.0, repr=False)

    @property
    def is_blow(self) -> bool:
        return self.turn.skill in ("strike", "heavy")

    @property
    def lunge_s(self) -> float:
        return LUNGE_S * (1.5 if self.turn.skill == "heavy" else 1.0) if self.is_blow else 0.12

    @property
    def length_s(self) -> float:
        return self.lunge_s + AFTER_S + (0.25 if self.turn.fallen else 0.0)

    @property
    def done(self) -> bool:
        return self.age_s >= self.length_s

    def step(self, dt_s: float) -> bool:
        """Moves on; True at the moment of impact, once."""
        self.age_s += dt_s
        if not self.landed and self.age_s >= self.lunge_s:
            self.landed = True
            return True
        return False

    def finish(self) -> bool:
        """Jumps to the end; True if the impact had not been yet."""
        had = self.landed
        self.age_s, self.landed = self.length_s, True
        return not had

    def reach(self) -> float:
        """How far the actor has gone to its target, 0 to 1."""
        if not self.is_blow or self.done:
            return 0.0
        if self.age_s < self.lunge_s:
            return eased(self.age_s / self.lunge_s)
        return 1 - eased((self.age_s - self.lunge_s - 0.1) / (AFTER_S - 0.1))

    def shake(self) -> float:
        """How far the target is thrown to the side, in units."""
        if not self.landed or not self.is_blow or self.turn.missed or self.done:
            return 0.0
        since = self.age_s - self.lunge_s
        strength = 16 if self.turn.skill == "heavy" or self.turn.critical or self.turn.charged else 9
        return strength * math.exp(-since * 9) * math.cos(since * 60)

    def pose(self, fighter: int) -> str | None:
        """The pose of a fighter while this is shown; None: as it stands."""
        if self.done:
            return None
        if fighter == self.turn.actor and self.is_blow:
            return "strike" if self.reach() > 0.35 else "charge" if not self.landed else None
        struck = fighter == self.turn.target and self.is_blow and self.landed and not self.turn.missed
        if struck and not self.turn.fallen:
            return "guard" if self.turn.guarded else "hurt"
        return None
