"""Whom the present policy meets in bulk training: itself, past champions by how often they still win, the scripted.

Plain arithmetic; owned by the process that learns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FORGETTING = 0.9
"""Share of older results that is kept each time new ones come: opponents are judged by how they fare lately."""
LEAST_WEIGHT = 0.05
"""So that somebody who never wins any more is still met now and then."""
PRIOR_BATTLES = 10.0
ITSELF = "itself"


@dataclass(slots=True)
class Standing:
    """How the present policy fared against one opponent, lately and in all."""

    score: float = 0.0  # lately, its own
    battles: float = 0.0  # lately
    wins: int = 0
    draws: int = 0
    losses: int = 0

    @property
    def recent_score(self) -> float:
        """The present policy's mean score, drawn towards one half while there are few battles."""
        return (self.score + 0.5 * PRIOR_BATTLES) / (self.battles + PRIOR_BATTLES)


class League:
    """Opponents with their standings, by name."""

    def __init__(self, scripted: Sequence[str]) -> None:
        self.scripted = tuple(scripted)
        self.champions: tuple[str, ...] = ()
        self.standings: dict[str, Standing] = {name: Standing() for name in scripted}

    def enter(self, champions: Sequence[str]) -> None:
        """The champions that may be met from now on."""
        self.champions = tuple(champions)
        for name in champions:
            self.standings.setdefault(name, Standing())

    def fade(self) -> None:
        """Let what happened before count less; call it once a round of results."""
        for standing in self.standings.values():
            standing.score *= FORGETTING
            standing.battles *= FORGETTING

    def count(self, opponent: str, wins: int, draws: int, losses: int) -> None:
        """Battles of the present policy against an opponent; those against itself say nothing."""
        standing = self.standings.get(opponent)
        if standing is not None:
            standing.score += wins + draws / 2
            standing.battles += wins + draws + losses
            standing.wins, standing.draws = standing.wins + wins, standing.draws + draws
            standing.losses += losses

    def shares(self, names: Sequence[str]) -> dict[str, float]:
        """How often each of `names` is met among them: by the square of how often it still wins; they sum to 1.

        Prioritised fictitious self-play (Vinyals et al. 2019, methods, "hard" weighting with p = 2).
        """
        weights = {name: (1.0 - self.standings[name].recent_score) ** 2 + LEAST_WEIGHT for name in names}
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items()}

    def mix(self, scripted: Sequence[str]) -> dict[str, float]:
        """Who is met how often: a third itself, a third champions, a third those `scripted`; they sum to 1.

        A third that nobody is there for goes to itself.
        """
        mix = {ITSELF: 1.0 / 3.0}
        for names in (self.champions, tuple(scripted)):
            if not names:
                mix[ITSELF] += 1.0 / 3.0
            for name, share in self.shares(names).items() if names else ():
                mix[name] = share / 3.0
        return mix

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return {
            name: [entry.score, entry.battles, entry.wins, entry.draws, entry.losses]
            for name, entry in self.standings.items()
        }

    def restore(self, data: Mapping[str, Sequence[float]]) -> None:
        """Become what `as_dict` described, opponents that are unknown here included."""
        for name, (score, battles, wins, draws, losses) in data.items():
            self.standings[name] = Standing(score, battles, int(wins), int(draws), int(losses))
