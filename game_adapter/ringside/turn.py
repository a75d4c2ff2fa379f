"""What one action did, as plain data: for the log, the animation and the golden playthroughs."""

from __future__ import annotations

from dataclasses import dataclass

CORNERS = ("red", "blue")
"""What the player calls seat 0 and seat 1."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one action did, for the log and the animation; `actor` and `target` index the battle's fighters."""

    round: int
    seat: int
    actor: int
    actor_name: str
    action: int
    skill: str
    target: int | None = None
    target_name: str = ""
    target_seat: int = 0
    damage: int = 0
    healed: int = 0
    missed: bool = False
    critical: bool = False
    guarded: bool = False  # a guard took part of the blow, the target's or an ally's
    charged: bool = False  # the blow spent a charge
    broken: bool = False  # the blow broke the target's charge
    fallen: bool = False  # the target fell

    def text(self) -> str:
        """One sentence for the log."""
        actor = f"{self.actor_name} ({CORNERS[self.seat]})"
        if self.skill == "guard":
            return f"{actor} covers up."
        if self.skill == "charge":
            return f"{actor} gathers strength."
        whom = f"{self.target_name} ({CORNERS[self.target_seat]})"
        if self.skill == "mend":
            return f"{actor} mends {'own wounds' if self.target == self.actor else whom}: +{self.healed}."
        blow = ("charged " if self.charged else "") + ("heavy strike" if self.skill == "heavy" else "strike")
        if self.missed:
            return f"{actor} misses {whom} with a {blow}."
        told = f"{actor} hits {whom} with a {blow}: -{self.damage}"
        for is_so, words in (
            (self.critical, "critical"),
            (self.guarded, "guarded"),
            (self.broken, "the charge breaks"),
            (self.fallen, f"{self.target_name} falls"),
        ):
            if is_so:
                told += f", {words}"
        return f"{told}."
