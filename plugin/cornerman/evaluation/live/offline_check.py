"""Offline check: what recorded battles say about a policy before it may play live.

Every battle is looked at before it is learned from, with the policy of that moment, so none has to be kept out of
learning (prequential, Dawid 1984). The trainer's thread owns it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np

from cornerman.contract import BattleEnd, ModelError, Source, Transition
from cornerman.evaluation.significance import Z_95
from cornerman.experience.experience import HeldOutBattle
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import counted

RECENT_BATTLES = 24
MIN_BATTLES = 8
"""Battles looked at below which nothing is tried."""
LEAST_AGREEMENT = 0.25
"""Agreement beyond chance with who is imitated: 0 as chance, 1 always the same."""
LEAST_ACCURACY = 0.6
"""Value accuracy that does as well: whoever decides by lot cannot be foreseen, and can be learned from."""
NOT_BY_LOT = 3.0
"""Standard deviations above chance from which on decisions are foreseen at all (one-sided, 0.1 %)."""
FEWEST_ACTIONS = 1.2
"""Effective number of actions (the exponential of the entropy) below which play has collapsed to one."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One battle: of the decisions imitated how many were the same and would be by chance, with its variance, and how
    many there are, all 0 for a policy that has learned nothing; greedy and recorded actions, each with its count;
    decisions in battles that were won or lost, and how many values had that sign; the plugin's outcome and what the
    policy expected of its first decision, where it sat there."""

    same: float
    by_chance: float
    variance: float
    decisions: int
    greedy: list[tuple[int, int]]
    recorded: list[tuple[int, int]]
    judged: int
    right: int
    outcome: float | None
    expected: float | None


def value_accuracy(policy: Policy, battles: Iterable[HeldOutBattle]) -> float | None:
    """The share of held-out decisions at which the value estimate has the sign of the outcome; draws are left out.

    None while there is nothing to judge by.
    """
    right = []
    for battle in battles:
        values = np.where(battle.action_mask, policy.q_values_batch(battle.observation), -np.inf).max(1)
        decided = battle.outcome != 0
        right.append(np.sign(values[decided]) == np.sign(battle.outcome[decided]))
    decisions = np.concatenate(right) if right else np.zeros(0, np.bool_)
    return float(decisions.mean()) if decisions.size else None


class OfflineCheck:
    """What the last `RECENT_BATTLES` say."""

    def __init__(self) -> None:
        self._battles: deque[_Seen] = deque(maxlen=RECENT_BATTLES)

    def add(
        self, policy: Policy, rows: Sequence[Transition], end: BattleEnd, imitated: Callable[[Transition], bool]
    ) -> None:
        """Look at one battle before it is learned from; `imitated` says of whose decisions that is done."""
        if end.truncated or not rows:
            return
        masks = np.stack([row.action_mask for row in rows])
        values = np.where(masks, policy.q_values_batch(np.stack([row.observation for row in rows])), -np.inf)
        greedy, legal = values.argmax(1), masks.sum(1)
        learned = not policy.indifferent
        others = (at for at, row in enumerate(rows) if row.version == -1 and imitated(row))  # it foresees its own
        open_to = [at for at in others if learned and legal[at] > 1]
        outcome = np.array([end.outcome.get(row.seat, 0) for row in rows])
        right = np.sign(values.max(1)) == np.sign(outcome)
        own = [at for at, row in enumerate(rows) if row.source is Source.PLUGIN]
        self._battles.append(
            _Seen(
                float(sum(greedy[at] == rows[at].action for at in open_to)),
                float(sum(1.0 / legal[at] for at in open_to)),
                float(sum((1.0 - 1.0 / legal[at]) / legal[at] for at in open_to)),
                len(open_to),
                list(Counter(int(greedy[at]) for at in open_to).items()),
                list(Counter(int(rows[at].action) for at in open_to).items()),
                int((outcome != 0).sum()),
                int(right[outcome != 0].sum()),
                end.outcome.get(rows[own[0]].seat) if own else None,
                float(values[own[0]].max()) if own else None,
            )
        )

    @property
    def agreement(self) -> float | None:
        """Share of decisions beyond chance at which the policy would do what the one it imitates did; None: unknown."""
        same, chance, decisions = (
            sum(getattr(battle, name) for battle in self._battles) for name in ("same", "by_chance", "decisions")
        )
        return (same - chance) / (decisions - chance) if decisions > chance else None

    @property
    def by_lot(self) -> bool:
        """Whether nothing suggests that who is imitated can be foreseen, after enough battles to tell."""
        scored = [battle for battle in self._battles if battle.decisions]
        beyond = sum(battle.same - battle.by_chance for battle in scored)
        return len(scored) >= MIN_BATTLES and beyond < NOT_BY_LOT * sqrt(sum(battle.variance for battle in scored))

    @property
    def accuracy(self) -> float | None:
        """Value accuracy: the share of decisions whose value has the sign of the outcome; None: unknown."""
        judged = sum(battle.judged for battle in self._battles)
        return sum(battle.right for battle in self._battles) / judged if judged else None

    def figures(self) -> dict[str, float]:
        """Agreement, value accuracy, variety of actions; what is expected, with its interval, and what came of it."""
        figures: dict[str, float] = {"battles": len(self._battles)}
        for name in ("agreement", "accuracy"):
            if (share := getattr(self, name)) is not None:
                figures[name] = share
        for name in ("greedy", "recorded"):
            actions = (pair for battle in self._battles for pair in getattr(battle, name))
            figures[f"variety {name}"] = _effective_number(actions)
        pairs = [(each.expected, each.outcome) for each in self._battles if each.outcome is not None]
        if len(pairs) > 1:
            expected, outcome = np.array(pairs, np.float64).T
            figures |= {"outcome": float(outcome.mean()), "expected": float(expected.mean())}
            figures["expected within"] = Z_95 * float(expected.std(ddof=1)) / sqrt(len(expected))
        return figures

    def objection(self) -> str:
        """Why the present policy should not play live, for a person; "" where nothing speaks against it."""
        figures = self.figures()
        missing = MIN_BATTLES - int(figures["battles"])
        if missing > 0:
            return f"it watches {counted(missing, 'more battle')} first"
        agreement, accuracy = figures.get("agreement", 0.0), figures.get("accuracy", 0.0)
        if agreement < LEAST_AGREEMENT and accuracy < LEAST_ACCURACY:
            moves = f"the moves {max(0.0, agreement):.0%} better than a guess ({LEAST_AGREEMENT:.0%} would do)"
            results = f"{accuracy:.0%} of the results ({LEAST_ACCURACY:.0%} would do)"
            return f"it foresees too little of the battles it watches, {results} and {moves}"
        usual = figures["variety recorded"]
        if not self.by_lot and usual >= FEWEST_ACTIONS and figures["variety greedy"] < max(FEWEST_ACTIONS, 0.5 * usual):
            return f"it does nearly always the same: {figures['variety greedy']:.1f} actions, {usual:.1f} are usual"
        if _expects_less(figures):
            ended = f"which ended with {figures['outcome']:+.2f}, from -1 to 1"
            return f"it expects only {figures['expected']:+.2f} of battles {ended}"
        return ""

    def clear(self) -> None:
        self._battles.clear()

    def state(self) -> list[dict[str, Any]]:
        """Plain data for a checkpoint."""
        return [asdict(each) for each in self._battles if each.expected is None or isfinite(each.expected)]

    def restore(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Go on from `state()`; ModelError, and nothing is known, where it is none."""
        self.clear()
        try:
            self._battles.extend(_Seen(**each) for each in state)
            self.objection()
        except (TypeError, ValueError, AttributeError) as error:
            self.clear()
            raise ModelError(f"The battles watched for a checkpoint are unusable ({error}).") from error


def _expects_less(figures: Mapping[str, float]) -> bool:
    """Whether even the upper end of what is expected lies below what came about."""
    return "expected" in figures and figures["expected"] + figures["expected within"] < figures["outcome"]


def _effective_number(actions: Iterable[tuple[int, int]]) -> float:
    """The exponential of the entropy of how often each action was taken: 1 when it is always the same one."""
    counts = Counter[int]()
    for action, count in actions:
        counts[action] += count
    if not counts:
        return 0.0
    shares = np.array(list(counts.values())) / counts.total()
    return float(np.exp(-(shares * np.log(shares)).sum()))
