"""What a judge found out about a candidate, and what a candidate has to clear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field, replace
from typing import Any

from cornerman.evaluation.arena import BattleRecord

SEVERAL = "several at once"


@dataclass(frozen=True, slots=True)
class GateBattle:
    """One battle that counted, enough to play it again."""

    player: str  # "candidate" or "champion", or the name of the bot that stood in the champion's place
    opponent: str  # the same, "oldest" or the name of a bot; SEVERAL: more than one opponent
    record: BattleRecord


@dataclass(frozen=True, slots=True)
class Check:
    """The candidate against one other opponent, compared with the best that any version kept has reached."""

    opponent: str
    battles: int  # of the candidate, that differ
    repeated: int  # battles that repeated them
    candidate: float  # scores
    best: float
    best_battles: int  # that `best` rests on
    lost: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """Mean score of a champion against one opponent."""

    player: str  # "champion", or the number of a version
    opponent: str  # "oldest", the number of a version, or the name of a bot
    code: int  # of how opponent and game behaved: results of other behaviour say nothing
    battles: int  # that differ
    score: float
    decided: float  # mean square of a battle's distance from a draw

    def named(self, names: Mapping[str, object]) -> Measured:
        """The same with other names in the place of those in `names`."""
        player, opponent = (str(names.get(name, name)) for name in (self.player, self.opponent))
        return replace(self, player=player, opponent=opponent)


@dataclass(frozen=True, slots=True)
class Bar:
    """What a candidate has to clear, beside winning against the champion."""

    turned_down: int = 0  # candidates that this champion has turned down
    measured: tuple[Measured, ...] = ()  # results of the champions that are kept, oldest first

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"turned_down": self.turned_down, "measured": [list(astuple(each)) for each in self.measured]}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Bar:
        """From its plain data."""
        return cls(int(data["turned_down"]), tuple(Measured(*row) for row in data["measured"]))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge found; `reason` is a sentence for the player."""

    promote: bool
    reason: str
    pairs: int = 0
    score: float = 0.5
    interval: tuple[float, float] = (0.0, 1.0)
    llr: float = 0.0
    checks: tuple[Check, ...] = ()
    battles: tuple[GateBattle, ...] = ()
    seed: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)
    measured: tuple[Measured, ...] = ()  # results of the champion that were not known

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a manifest; battles are rows of player, opponent, seed, seat, score, rounds, opening."""
        return {
            "promote": self.promote,
            "reason": self.reason,
            "pairs": self.pairs,
            "score": round(self.score, 6),
            "interval": [round(bound, 6) for bound in self.interval],
            "llr": round(self.llr, 6),
            "seed": self.seed,
            "figures": dict(self.figures),
            "checks": [asdict(check) for check in self.checks],
            "measured": [list(astuple(each)) for each in self.measured],
            "battles": [
                [b.player, b.opponent, b.record.seed, b.record.seat, b.record.score, b.record.rounds, b.record.opening]
                for b in self.battles
            ],
        }


def verdict_of(data: Mapping[str, Any]) -> Verdict:
    """A verdict from its plain data; what is not in it (turns, truncations, courses) is 0 and False."""
    battles = (
        GateBattle(player, opponent, BattleRecord(seed, seat, score, rounds, 0, False, opening=sum(opening)))
        for player, opponent, seed, seat, score, rounds, *opening in data["battles"]  # older ones have no opening
    )
    checks = tuple(Check(**check) for check in data["checks"])
    measured = tuple(Measured(*row) for row in data["measured"])
    given = {**data, "interval": tuple(data["interval"]), "checks": checks, "battles": tuple(battles)}
    return Verdict(**given | {"measured": measured})
