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
from cornerman.policy.products import matmul

SHARES = np.array([0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 0.97, 0.995])
PRICE = 5.0
"""Of a rule, beside that of its conditions, in nats."""
MAX_RULES = 10
_BEAM = 8  # conditions that a second one is added to
_COLUMNS = 32  # groups with a share that are tried with two conditions
_BLOCK = 4  # groups at once


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

    def says_the_same(self, other: Rule) -> bool:
        """Whether the other rule has the same conditions, group and share."""
        same = self.share == other.share and self.either == other.either and np.array_equal(self.group, other.group)
        return same and np.array_equal(self.literals, other.literals)

    def applies(self, features: Floats, action_masks: Bools) -> Bools:
        """Where the rule says anything, `[B]`: its conditions hold, and there is a choice between in and out."""
        inside = (action_masks & self.group).any(1) & (action_masks & ~self.group).any(1)
        truths = holds(self.literals, features)
        return np.asarray(inside & (truths.any(1) if self.either else truths.all(1)))

    def apply(self, logarithms: Doubles, features: Floats, action_masks: Bools) -> None:
        """Change the logarithms of chances `[B, A]` in place."""
        self.apply_in(self.applies(features, action_masks).nonzero()[0], logarithms, action_masks)

    def apply_in(self, rows: NDArray[np.int64], logarithms: Doubles, action_masks: Bools) -> None:
        """The same in rows `[R]`, those in which the rule applies."""
        if not len(rows):
            return
        chosen = logarithms[rows]
        with np.errstate(all="ignore"):
            more = np.logaddexp(np.log1p(-self.share), np.log(self.share) - _log_sum(chosen[:, self.group]))
            mixed = chosen + np.where(self.group, more, np.log1p(-self.share))
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
        rules, total = yield from search.more(start, [])
        for rule in rules[:-1]:  # those that were found first did not know of the later ones
            others = [each for each in rules if each is not rule]
            again, its_total = yield from search.more(start, others)
            if its_total > total + 1e-6:
                rules, total = again, its_total
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
        """The second half of the conditions are the opposites of the first half."""
        self._decisions, self._literals, self._groups = decisions, literals, groups
        truths = holds(literals[: len(literals) // 2], decisions.observations)
        self._holds = np.ascontiguousarray(truths.T, np.float32)  # [K / 2, N]
        masks = decisions.action_masks.astype(np.float32)
        inside, outside = (matmul(masks, each.T.astype(np.float32)) for each in (groups, ~groups))
        self._choice = (inside > 0) & (outside > 0)  # [N, G]
        self._members = np.ascontiguousarray(groups.T, np.float64)  # [A, G]
        self._chosen = self._groups[:, decisions.actions].T  # [N, G]
        self._price_of_condition = float(np.log(max(2, len(self._literals))))
        self._applies: dict[Rule, NDArray[np.int64]] = {}  # in which decisions

    def more(self, start: Doubles, rules: Sequence[Rule]) -> Generator[None, None, tuple[list[Rule], float]]:
        """These rules and those that are found after them, beginning with the logarithms `start` of chances; and the
        log-likelihood of the decisions minus the prices of the rules."""
        found, logarithms = list(rules), start.copy()
        for rule in rules:
            self._apply(rule, logarithms)
        while True:
            yield
            chances = with_noise(logarithms, self._decisions.action_masks)
            if len(found) >= MAX_RULES or (new := (yield from self._best(chances))) is None:
                break
            if any(new.says_the_same(rule) for rule in found):  # all that is left is noise, which the search mistakes
                break
            self._apply(new, logarithms)
            found.append(new)
        taken = chances[np.arange(len(chances)), self._decisions.actions]
        return found, float(np.log(taken).sum()) - sum(rule.price for rule in found)

    def _apply(self, rule: Rule, logarithms: Doubles) -> None:
        rows = self._applies.get(rule)
        if rows is None:
            applies = rule.applies(self._decisions.observations, self._decisions.action_masks)
            rows = self._applies[rule] = applies.nonzero()[0]
        rule.apply_in(rows, logarithms, self._decisions.action_masks)

    def _best(self, chances: Doubles) -> Generator[None, None, Rule | None]:
        """The rule with the most evidence; None where none has any."""
        gains, once = [], []  # by block of groups: of each decision [N, C], under each condition [K, C]
        for start in range(0, len(self._groups), _BLOCK):
            gains.append(self._gains(chances, slice(start, start + _BLOCK)))
            once.append(self._under_conditions(gains[-1]))
            yield
        if not gains:
            return None
        total = np.concatenate([block.sum(0) for block in gains])
        column = int(total.argmax())
        found = _Found(float(total[column]) - PRICE, column)
        if len(self._literals):
            found = max(found, (yield from self._with_conditions(gains, once)))
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
        inside = np.clip(matmul(chances, self._members[:, which]), 1e-6, 1.0)
        ratio = np.where(self._chosen[:, which], 1.0 / inside, 0.0).astype(np.float32)[:, :, None]
        shares = SHARES.astype(np.float32)
        gains = np.log((np.float32(1.0) - shares) + shares * ratio)
        gains[~self._choice[:, which]] = 0.0
        return np.asarray(gains.reshape(len(gains), -1), np.float32)

    def _under_conditions(self, gains: Floats) -> Floats:
        """What gains of decisions `[N, C]` add up to where each condition holds `[K, C]`."""
        held = matmul(self._holds, gains)
        return np.concatenate([held, gains.sum(0) - held])

    def _with_conditions(self, gains: list[Floats], once: list[Floats]) -> Generator[None, None, _Found]:
        """The best of one condition and of two, both or either, where the best single ones are joined by any other."""
        most = np.concatenate([block.max(0) for block in once])
        chosen = np.argsort(-most)[:_COLUMNS]
        few, alone = (_columns(blocks, chosen) for blocks in (gains, once))
        condition = int(alone[:, 0].argmax())
        best = _Found(float(most[chosen[0]]) - self._price(1), int(chosen[0]), (condition,))
        for condition in np.argsort(-np.max([block.max(1) for block in once], axis=0))[:_BEAM].tolist():
            best = max(best, self._joined(few, alone, chosen, condition))
            yield
        return best

    def _joined(self, few: Floats, alone: Floats, columns: NDArray[np.int64], condition: int) -> _Found:
        """The best of this condition and another one, both or either; `alone`: what each of them explains `[K, C]`."""
        opposite, row = divmod(condition, len(self._holds))
        both = self._under_conditions(few * np.abs(self._holds[row] - np.float32(opposite))[:, None])
        joined = ((False, both), (True, alone[condition] + alone - both))
        best = _Found(-np.inf, 0)
        for either, explained in joined:
            at = int(explained.argmax())
            other, column = divmod(at, len(columns))
            evidence = float(explained.flat[at]) - self._price(2)
            best = max(best, _Found(evidence, int(columns[column]), (condition, other), either))
        return best


def _columns(blocks: Sequence[Floats], chosen: NDArray[np.int64]) -> Floats:
    """Columns of blocks that stand side by side; all but the last one are equally wide."""
    width = blocks[0].shape[1]
    return np.stack([blocks[at // width][:, at % width] for at in chosen.tolist()], 1)


def _log_sum(logarithms: Doubles) -> Doubles:
    """Logarithm of each row's sum `[B, 1]`."""
    most = logarithms.max(1, keepdims=True)
    with np.errstate(under="ignore"):
        return np.asarray(most + np.log(np.exp(logarithms - most).sum(1, keepdims=True)))
