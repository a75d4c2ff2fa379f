"""Judgements by recorded battles that were kept out of learning: the value accuracy, and a judge without battles."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Floats
from cornerman.evaluation.significance import chance_of_loss
from cornerman.evaluation.verdict import SlicedJudge, Verdict
from cornerman.experience.experience import HeldOutBattle
from cornerman.policy.policy import Policy

MIN_HELD_OUT = 12
"""Held-out battles below which nothing is decided: the exact test cannot reach its level with fewer than five, and
twelve leave room for ties."""
HELD_OUT_ALPHA = 0.05
FEWEST_ACTIONS = 1.2
"""Effective number of actions (the exponential of the entropy) below which play has collapsed to one."""


def value_accuracy(policy: Policy, battles: Iterable[HeldOutBattle]) -> float | None:
    """The share of held-out decisions at which the value estimate has the sign of the outcome; draws are left out.

    None while there is nothing to judge by.
    """
    right = [_right(_legal_values(policy, battle).max(1), battle) for battle in battles]
    decisions = np.concatenate(right) if right else np.zeros(0, np.bool_)
    return float(decisions.mean()) if decisions.size else None


def _legal_values(policy: Policy, battle: HeldOutBattle) -> Floats:
    """Q-values `[N, A]`; those of illegal actions are minus infinity."""
    return np.where(battle.action_mask, policy.q_values_batch(battle.observation), np.float32(-np.inf))


def _right(estimate: Floats, battle: HeldOutBattle) -> NDArray[np.bool_]:
    """Of the decisions in a battle that was won or lost: whether the estimate has the outcome's sign."""
    decided = battle.outcome != 0
    return np.asarray(np.sign(estimate[decided]) == np.sign(battle.outcome[decided]))


class HeldOutJudge(SlicedJudge):
    """Judges by held-out battles, for games that offer no headless ones.

    They show which of two value estimates fits better, not which of two policies wins more: a candidate that passes is
    on probation until live battles have shown that it is no worse.
    """

    def __init__(self, candidate: Policy, champion: Policy, battles: Sequence[HeldOutBattle]) -> None:
        super().__init__()
        self._candidate, self._champion = candidate, champion
        self._battles = list(battles)
        self._gains: dict[str, list[float]] = {"error": [], "accuracy": [], "agreement": []}
        self._means: dict[str, list[float]] = {}
        self._taken: dict[str, list[int]] = {"candidate": [], "champion": [], "recorded": []}

    @property
    def pairs(self) -> int:
        """Battles looked at so far."""
        return len(self._gains["error"])

    def _judge(self) -> Generator[None, None, Verdict]:
        if len(self._battles) < MIN_HELD_OUT:
            return self._kept(
                f"{len(self._battles)} held-out battles are too few to judge by, {MIN_HELD_OUT} are needed"
            )
        for battle in self._battles:
            self._compare(battle)
            yield
        better = chance_of_loss([-gain for gain in self._gains["error"]])
        worse = {name: chance_of_loss(self._gains[name]) for name in ("accuracy", "agreement")}
        variety = {who: _effective_number(actions) for who, actions in self._taken.items()}
        figures = {name: float(np.mean(values)) for name, values in self._means.items()}
        figures |= {"chance by luck": better} | {f"variety {who}": number for who, number in variety.items()}
        why = self._objection(better, worse, variety)
        error = f"error of the estimate {figures['error candidate']:.3f} after {figures['error champion']:.3f}"
        over = f"over {self.pairs} held-out battles"
        reason = f"Kept the champion: {why}, {error} {over}." if why else f"Promoted on probation: {error} {over}."
        return Verdict(why is None, reason, self.pairs, figures=figures)

    def _compare(self, battle: HeldOutBattle) -> None:
        """Add one battle's paired figures; each battle counts once, however long it was."""
        open_choice = battle.action_mask.sum(1) > 1
        for who, policy in (("candidate", self._candidate), ("champion", self._champion)):
            values = _legal_values(policy, battle)
            estimate, greedy, won = values.max(1), values.argmax(1), battle.outcome > 0
            right, same = _right(estimate, battle), greedy[won] == battle.action[won]
            error = float(np.mean((estimate - battle.discounted_return) ** 2))
            self._means.setdefault(f"error {who}", []).append(error)
            self._means.setdefault(f"accuracy {who}", []).append(float(right.mean()) if right.size else 0.5)
            self._means.setdefault(f"agreement {who}", []).append(float(same.mean()) if same.size else 0.5)
            self._taken[who] += greedy[open_choice].tolist()
        self._taken["recorded"] += battle.action[open_choice].tolist()
        for name, gains in self._gains.items():
            gain = self._means[f"{name} candidate"][-1] - self._means[f"{name} champion"][-1]
            gains.append(-gain if name == "error" else gain)

    def _objection(self, better: float, worse: Mapping[str, float], variety: Mapping[str, float]) -> str | None:
        """Why the champion stays, or None."""
        usual = min(variety["champion"], variety["recorded"])
        if variety["candidate"] < max(FEWEST_ACTIONS, 0.5 * usual) and variety["recorded"] >= FEWEST_ACTIONS:
            return f"its play collapsed to {variety['candidate']:.1f} actions where {usual:.1f} are usual"
        for name, p_value in worse.items():
            if p_value < HELD_OUT_ALPHA:
                return f"its {name} fell"
        return None if better < HELD_OUT_ALPHA else "no surely better estimate"


def _effective_number(actions: Sequence[int]) -> float:
    """The exponential of the entropy of how often each action was taken: 1 when it is always the same one."""
    if not actions:
        return 0.0
    shares = np.bincount(actions) / len(actions)
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))
