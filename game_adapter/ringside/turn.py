"""What one action did, as plain data, for the log and the animation; and a battle's turns as a story in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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


@dataclass
class Story:
    """A battle in numbers, by seat, and the turn since which the leader has led."""

    turns: int = 0
    thrown: list[int] = field(default_factory=lambda: [0, 0])
    landed: list[int] = field(default_factory=lambda: [0, 0])
    damage: list[int] = field(default_factory=lambda: [0, 0])
    mended: list[int] = field(default_factory=lambda: [0, 0])
    leader: int | None = None
    turned: Turn | None = None

    def add(self, turn: Turn, state: Mapping[str, Any]) -> None:
        """Count one turn; `state` is the one after it."""
        self.turns += 1
        if turn.skill in ("strike", "heavy"):
            self.thrown[turn.seat] += 1
            self.landed[turn.seat] += not turn.missed
        self.damage[turn.seat] += turn.damage
        self.mended[turn.seat] += turn.healed
        health, most = [0, 0], [0, 0]
        for character in state["characters"]:
            health[character["seat"]] += character["health"]
            most[character["seat"]] += character["maxHealth"]
        lead = health[0] * most[1] - health[1] * most[0]
        leader = None if lead == 0 else int(lead < 0)
        if leader != self.leader:
            self.leader, self.turned = leader, turn

    def turning_point(self, winner: int | None) -> str:
        """The turn after which the winner stayed ahead, in a sentence; another one where there is none."""
        if winner is None or self.turned is None or self.leader != winner:
            return "Neither corner got clearly ahead."
        return f"The {CORNERS[winner]} corner stayed ahead from round {self.turned.round} on: {self.turned.text()}"
