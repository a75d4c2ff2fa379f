"""What a judge found out about a candidate, and the base class of judges, which work in slices."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cornerman.contract import ContractError
from cornerman.evaluation.arena import BattleRecord


@dataclass(frozen=True, slots=True)
class GateBattle:
    """One battle that counted, enough to play it again."""

    player: str  # "candidate" or "champion"
    opponent: str  # "champion", "oldest" or the name of a bot
    record: BattleRecord


@dataclass(frozen=True, slots=True)
class Check:
    """The candidate against one other opponent, compared with what the champion achieved."""

    opponent: str
    pairs: int
    candidate: float  # scores
    reference: float
    p_value: float  # chance of so large a loss by luck
    lost: bool


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

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a manifest; battles are rows of player, opponent, seed, seat, score, rounds."""
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
            "battles": [
                [b.player, b.opponent, b.record.seed, b.record.seat, b.record.score, b.record.rounds]
                for b in self.battles
            ],
        }


def verdict_of(data: Mapping[str, Any]) -> Verdict:
    """A verdict from its plain data; what is not in it (turns, truncations, courses) is 0 and False."""
    battles = (
        GateBattle(player, opponent, BattleRecord(seed, seat, score, rounds, 0, False))
        for player, opponent, seed, seat, score, rounds in data["battles"]
    )
    checks = tuple(Check(**check) for check in data["checks"])
    given = {**data, "interval": tuple(data["interval"]), "checks": checks, "battles": tuple(battles)}
    return Verdict(**given)


class SlicedJudge:
    """A judgement made in slices: call `advance` until `verdict` is there."""

    def __init__(self) -> None:
        self.verdict: Verdict | None = None
        self._run = self._judge()

    def advance(self, budget: Callable[[], bool] | int) -> Verdict | None:
        """Play turns while `budget()` is true, or at most `budget` turns; returns the verdict once there is one.

        `budget` is asked before every turn, so this returns at most one decision after it turned false. A game whose
        contract is broken in most battles gets a verdict that keeps the champion and says why.
        """
        turns = 0
        while self.verdict is None and (turns < budget if isinstance(budget, int) else budget()):
            turns += 1
            try:
                next(self._run)
            except StopIteration as end:
                self.verdict = end.value
            except ContractError as error:
                self.verdict = self._kept(f"it could not be judged ({error})")
        return self.verdict

    def _judge(self) -> Generator[None, None, Verdict]:
        raise NotImplementedError

    def _kept(self, why: str) -> Verdict:
        return Verdict(False, f"Kept the champion: {why}.")
