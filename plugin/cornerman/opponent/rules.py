"""Habits as rules laid over the champion's way to play: "where this holds, an action of that group, nine times of ten".

A rule takes a share of the chances of all actions and deals it out among the actions of its group, in the proportions
they had. So "never guards" is a rule with the group of all other actions. Rules are found one after the other, each the
one that explains most of what is left, and only where it explains more than what it costs to write it down (minimum
description length, Rissanen 1978): so a player without habits has no rule, however many were tried.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.opponent.conditions import Literals, action_groups, holds, proposed
from cornerman.opponent.predictor import NEVER, Doubles, log_softmax, with_noise

SHARES = np.array([0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 0.97, 0.995])
PRICE = 5.0
"""Of a rule, beside that of its conditions, in nats."""
MAX_RULES = 10
_BEAM = 8  # conditions that a second one is added to
_COLUMNS = 32  # groups with a share that are tried with two conditions
_BLOCK = 16  # groups at once


class Decisions(NamedTuple):
    """Decisions of one player, N of them, oldest first; for rules with features in place of observations."""

    observations: Floats  # [N, F]
    action_masks: Bools  # [N, A]
    actions: NDArray[np.int64]  # [N]

    @property
    def num(self) -> int:
        return len(self.actions)

    def newest(self, count: int) -> Decisions:
        """The last `count` decisions, or all."""
        return Decisions(self.observations[-count:], self.action_masks[-count:], self.actions[-count:])

    def then(self, later: Decisions) -> Decisions:
        return Decisions(
            np.concatenate([self.observations, later.observations]),
            np.concatenate([self.action_masks, later.action_masks]),
            np.concatenate([self.actions, later.actions]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Where all of `literals` hold, or with `either` any, `share` of the decisions are for actions of `group`."""

    literals: Literals  # [K, 4], K from 0 to 2
    group: Bools  # [A]
    share: float
    either: bool = False
    evidence: float = 0.0  # nats that the rule explained beyond its price when it was found
    price: float = 0.0
    tried: float = 0.0  # logarithm of how many rules with as many conditions were tried

    def applies(self, features: Floats, action_masks: Bools) -> Bools:
        """Where the rule says anything, `[B]`: its conditions hold, and there is a choice between in and out."""
        inside = (action_masks & self.group).any(1) & (action_masks & ~self.group).any(1)
        truths = holds(self.literals, features)
        return np.asarray(inside & (truths.any(1) if self.either else truths.all(1)))

    def apply(self, logarithms: Doubles, features: Floats, action_masks: Bools) -> None:
        """Change the logarithms of chances `[B, A]` in place."""
        rows = self.applies(features, action_masks).nonzero()[0]
        if not len(rows):
            return
        chosen = logarithms[rows]
        inside = np.where(self.group, chosen, NEVER)
        total = _log_sum(inside)
        with np.errstate(all="ignore"):
            mixed = np.logaddexp(np.log1p(-self.share) + chosen, np.log(self.share) + inside - total)
        logarithms[rows] = np.where(action_masks[rows], mixed, NEVER)


class RuleList:
    """A player as the champion at one temperature with rules, in their order."""

    def __init__(self, sharpness: float, rules: Sequence[Rule] = ()) -> None:
        self.sharpness, self.rules = sharpness, tuple(rules)

    def probabilities(self, values: NDArray[np.floating], features: Floats, action_masks: Bools) -> Doubles:
        """Chances `[B, A]` given the champion's Q-values `[B, A]`."""
        logarithms = log_softmax(values, action_masks, self.sharpness)
        for rule in self.rules:
            rule.apply(logarithms, features, action_masks)
        return with_noise(logarithms, action_masks)

    def fit(
        self,
        values: NDArray[np.floating],
        decisions: Decisions,
        feature_names: Sequence[str],
        action_names: Sequence[str],
    ) -> Iterator[None]:
        """Find the rules anew, a piece of some milliseconds at a time; the old ones hold until the last piece."""
        literals = proposed(feature_names, decisions.observations)
        yield
        groups = action_groups(action_names, decisions.action_masks, decisions.actions)
        yield
        search = _Search(decisions, literals, groups)
        yield
        start = log_softmax(values, decisions.action_masks, self.sharpness)
        rules = yield from search.more(start, [])
        for rule in rules[:-1]:  # those that were found first did not know of the later ones
            others = [each for each in rules if each is not rule]
            again = yield from search.more(start, others)
            if search.total(start, again) > search.total(start, rules) + 1e-6:
                rules = again
        self.rules = tuple(rules)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for `from_arrays`."""
        rules = self.rules
        return {
            "sharpness": np.array(self.sharpness),
            "groups": np.array([rule.group for rule in rules], np.bool_).reshape(len(rules), -1 if rules else 0),
            "conditions": np.array([len(rule.literals) for rule in rules], np.int64),
            "literals": np.concatenate([np.zeros((0, 4)), *(rule.literals for rule in rules)]),
            "shares": np.array([rule.share for rule in rules], np.float64),
            "either": np.array([rule.either for rule in rules], np.bool_),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], num_features: int, num_actions: int) -> RuleList:
        """ValueError, KeyError, TypeError or IndexError where they do not fit."""
        names = ("groups", "conditions", "literals", "shares", "either")
        groups, conditions, literals, shares, either = (np.asarray(arrays[name]) for name in names)
        sharpness, count = float(arrays["sharpness"]), len(shares)
        if not 0.0 < sharpness <= 1e4 or groups.shape != (count, num_actions if count else 0):
            raise ValueError("groups or sharpness do not fit the champion")
        if {conditions.shape, either.shape} != {(count,)} or not np.isin(conditions, (0, 1, 2)).all():
            raise ValueError("a rule has 0 to 2 conditions")
        if literals.shape != (int(conditions.sum()), 4) or not np.isfinite(literals).all():
            raise ValueError("conditions are four numbers each")
        if not ((literals[:, 0] >= 0) & (literals[:, :2] < num_features).all(1)).all():
            raise ValueError("a condition is about a feature that there is not")
        if not ((shares > 0) & (shares < 1)).all():
            raise ValueError("a share is not between 0 and 1")
        parts = np.split(literals.astype(np.float64), np.cumsum(conditions)[:-1])
        each = zip(parts, groups.astype(np.bool_), shares.tolist(), either.tolist(), strict=False)
        return cls(sharpness, [Rule(*rule) for rule in each] if count else ())


class _Found(NamedTuple):
    """A rule that was found; the one with the most evidence is the largest."""

    evidence: float
    column: int
    conditions: tuple[int, ...] = ()
    either: bool = False


class _Search:
    """Search for the rule that explains most, among all conditions, groups and shares."""

    def __init__(self, decisions: Decisions, literals: Literals, groups: Bools) -> None:
        self._decisions, self._literals, self._groups = decisions, literals, groups
        self._holds = holds(self._literals, decisions.observations).astype(np.float32)  # [N, K]
        masks, inside = decisions.action_masks.astype(np.float32), groups.astype(np.float32)
        self._choice = (masks @ inside.T > 0) & (masks @ (1.0 - inside).T > 0)  # [N, G]
        self._chosen = self._groups[:, decisions.actions].T  # [N, G]
        self._price_of_condition = float(np.log(max(2, len(self._literals))))

    def more(self, start: Doubles, rules: Sequence[Rule]) -> Generator[None, None, list[Rule]]:
        """These rules and those that are found after them, beginning with the logarithms `start` of chances."""
        found, logarithms = list(rules), self._with(start, rules)
        while len(found) < MAX_RULES:
            yield
            rule = yield from self._best(logarithms)
            if rule is None:
                break
            rule.apply(logarithms, self._decisions.observations, self._decisions.action_masks)
            found.append(rule)
        return found

    def total(self, start: Doubles, rules: Sequence[Rule]) -> float:
        """Log-likelihood of the decisions minus the prices of the rules."""
        chances = with_noise(self._with(start, rules), self._decisions.action_masks)
        taken = chances[np.arange(len(chances)), self._decisions.actions]
        return float(np.log(taken).sum()) - sum(rule.price for rule in rules)

    def _with(self, start: Doubles, rules: Sequence[Rule]) -> Doubles:
        logarithms = start.copy()
        for rule in rules:
            rule.apply(logarithms, self._decisions.observations, self._decisions.action_masks)
        return logarithms

    def _best(self, logarithms: Doubles) -> Generator[None, None, Rule | None]:
        """The rule with the most evidence; None where none has any."""
        chances = with_noise(logarithms, self._decisions.action_masks)
        parts = []
        for start in range(0, len(self._groups), _BLOCK):
            parts.append(self._gains(chances, slice(start, start + _BLOCK)))
            yield
        gains = np.concatenate(parts, 1) if parts else np.zeros((len(chances), 0), np.float32)
        if not gains.size:
            return None
        total = gains.sum(0)
        column = int(total.argmax())
        found = _Found(float(total[column]) - PRICE, column)
        if len(self._literals):
            found = max(found, (yield from self._with_conditions(gains)))
        if found.evidence <= 0.0:
            return None
        group, share = divmod(found.column, len(SHARES))
        many = len(found.conditions)
        price, tried = self._price(many), np.log(4 * len(self._groups)) + many * self._price_of_condition
        literals = self._literals[list(found.conditions)]
        return Rule(literals, self._groups[group], float(SHARES[share]), found.either, found.evidence, price, tried)

    def _price(self, conditions: int) -> float:
        return PRICE + conditions * self._price_of_condition

    def _gains(self, chances: Doubles, which: slice) -> Floats:
        """Nats by which rules without conditions would raise the log-likelihood of each decision `[N, G * S]`."""
        inside = np.clip(chances @ self._groups[which].T, 1e-6, 1.0)
        ratio = np.where(self._chosen[:, which], 1.0 / inside, 0.0).astype(np.float32)[:, :, None]
        shares = SHARES.astype(np.float32)
        gains = np.log((np.float32(1.0) - shares) + shares * ratio)
        gains[~self._choice[:, which]] = 0.0
        return np.asarray(gains.reshape(len(gains), -1), np.float32)

    def _with_conditions(self, gains: Floats) -> Generator[None, None, _Found]:
        """The best of one condition and of two, both or either, where the best single ones are joined by any other."""
        once = np.empty((len(self._literals), gains.shape[1]), np.float32)
        for start in range(0, gains.shape[1], 8 * _BLOCK):
            columns = slice(start, start + 8 * _BLOCK)
            np.matmul(self._holds.T, gains[:, columns], out=once[:, columns])
            yield
        at = int(once.argmax())
        best = _Found(float(once.flat[at]) - self._price(1), at % once.shape[1], (at // once.shape[1],))
        chosen = np.argsort(-once.max(0))[:_COLUMNS]
        few, alone = np.ascontiguousarray(gains[:, chosen]), once[:, chosen]
        for condition in np.argsort(-once.max(1))[:_BEAM].tolist():
            best = max(best, self._joined(few, alone, chosen, condition))
            yield
        return best

    def _joined(self, few: Floats, alone: Floats, columns: NDArray[np.int64], condition: int) -> _Found:
        """The best of this condition and another one, both or either; `alone`: what each of them explains `[K, C]`."""
        both = self._holds.T @ (few * self._holds[:, condition : condition + 1])
        joined = ((False, both), (True, alone[condition] + alone - both))
        best = _Found(-np.inf, 0)
        for either, explained in joined:
            at = int(explained.argmax())
            other, column = divmod(at, len(columns))
            evidence = float(explained.flat[at]) - self._price(2)
            best = max(best, _Found(evidence, int(columns[column]), (condition, other), either))
        return best


def _log_sum(logarithms: Doubles) -> Doubles:
    """Logarithm of each row's sum `[B, 1]`."""
    most = logarithms.max(1, keepdims=True)
    with np.errstate(under="ignore"):
        return np.asarray(most + np.log(np.exp(logarithms - most).sum(1, keepdims=True)))
