"""Habits in words: the rules of a model that are beyond chance, as counts against what the champion would have done.

Nothing here knows a game: conditions are said with the names of features, actions with their own names. A rule is said
only where its count would be rarer than one in twenty by chance, over everything that was tried to find it (Hoeffding's
bound with Bonferroni's correction).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, inf, isfinite, log
from os.path import commonprefix
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.opponent.features import OF_ONE, without_number
from cornerman.opponent.predictor import Doubles, log_softmax, with_noise
from cornerman.opponent.rules import Decisions, Rule, RuleList

MAX_HABITS, MAX_NAMED = 3, 4
"""Habits that are said; actions or kinds of them in one."""
ERROR = 0.05
_LITTLE = 0.1
"""Share of what is unexpected in a habit that does not follow from another one, up to which it says no more."""
_WORDS = 8
"""Of an action's name, which its kind is found by."""
_HEALTH, _SLOT = re.compile(r"slot (\d+ )?health"), re.compile(r"slot (\d+) (.+)")


@dataclass(frozen=True, slots=True)
class Habit:
    """Of `chances` to do so the player took `times`; the champion would have taken `expected`."""

    sentence: str
    times: int
    chances: int
    expected: float


def habits(
    explanation: RuleList,
    values: NDArray[np.floating],
    decisions: Decisions,
    feature_names: Sequence[str],
    action_names: Sequence[str],
    scales: Mapping[str, float],
) -> list[Habit]:
    """The strongest habits that are beyond chance, strongest first.

    `values` are the champion's Q-values `[N, A]`, `decisions` hold features in place of observations. `scales` says
    by what some features were divided (`Declaration.divisors`).
    """
    usual = "the computer in your place" if np.ptp(values) else "at random"  # where the champion has learned nothing
    chances = with_noise(log_softmax(values, decisions.action_masks, explanation.sharpness), decisions.action_masks)
    counted = (_count(rule, chances, decisions) for rule in explanation.rules)
    found = [each for each in counted if each.surprise >= each.rule.tried - log(ERROR)]
    listed: list[_Counted] = []
    for each in sorted(found, key=lambda each: (each.group.sum(), -each.surprise)):
        if not each.follows_from(listed):
            listed.append(each)
    listed.sort(key=lambda each: -each.surprise)
    said = []
    for each in listed[:MAX_HABITS]:
        when = _when(each.rule, decisions.observations, feature_names, scales)
        said.append(_habit(each, chances, decisions, action_names, usual, when))
    return said


def _habit(
    each: _Counted, chances: Doubles, decisions: Decisions, names: Sequence[str], usual: str, when: str
) -> Habit:
    group, few = _few(each.group, decisions, each.where, names)
    times, count = int(group[decisions.actions[each.where]].sum()), int(each.where.sum())
    expected, given = float(chances[each.where][:, group].sum()), "" if each.choice.all() else ", given the choice"
    sentence = f"{few}{given}: {times:,} times of {count:,}{when and f' {when}'} ({usual}: {expected:.0f})"
    return Habit(sentence, times, count, expected)


class _Counted(NamedTuple):
    """A rule over N decisions: where it applies, which of these are of its group, and how likely that was of each."""

    rule: Rule
    group: Bools  # [A], those that were ever legal
    choice: Bools  # [N], between the group and other actions
    where: Bools  # [N]
    taken: Bools  # [N]
    chances: Doubles  # [N]

    @property
    def surprise(self) -> float:
        taken, count = int(self.taken.sum()), int(self.where.sum())
        return _surprise(taken, count, float(self.chances[self.where].sum())) if count else -inf

    def follows_from(self, others: Iterable[_Counted]) -> bool:
        """Whether the shares of other ones, of parts of its group, tell most of what is unexpected in its count."""
        told = self.chances.copy()
        for other in others:
            if not (other.group & ~self.group).any():
                told[other.where] = np.maximum(told[other.where], other.taken.sum() / other.where.sum())
        taken, expected = self.taken.sum(), self.chances[self.where].sum()
        return bool(abs(taken - told[self.where].sum()) <= _LITTLE * abs(taken - expected))


def _count(rule: Rule, chances: Doubles, decisions: Decisions) -> _Counted:
    masks, group = decisions.action_masks, rule.group & decisions.action_masks.any(0)
    choice = np.asarray((masks & group).any(1) & (masks & ~group).any(1))
    where = rule.applies(decisions.observations, masks)
    return _Counted(rule, group, choice, where, where & group[decisions.actions], (chances * group).sum(1))


def _surprise(times: int, count: int, expected: float) -> float:
    """Minus the logarithm of a bound on the chance of a count this far from the expected one (Hoeffding 1963)."""
    share, mean = times / count, min(max(expected / count, 1e-9), 1.0 - 1e-9)
    nats = sum(part * log(part / of) for part, of in ((share, mean), (1.0 - share, 1.0 - mean)) if part > 0.0)
    return count * nats


def _few(group: Bools, decisions: Decisions, where: Bools, names: Sequence[str]) -> tuple[Bools, str]:
    """The group or all other actions, whichever is said in fewer words, with its words, most taken first; what is never
    legal `where` this is said apart."""
    legal = np.asarray(decisions.action_masks[where].any(0))
    times = np.bincount(decisions.actions[where], minlength=len(names))
    inside, outside = (group & legal, ~group & legal)
    one, other = _parts(inside, legal, times, names), _parts(outside, legal, times, names)
    group, parts = (inside, one) if min(len(one), MAX_NAMED + 1) <= len(other) else (outside, other)
    if len(parts) > MAX_NAMED:
        parts[MAX_NAMED - 1 :] = [f"{len(parts) - MAX_NAMED + 1} others"]
    return group, " or ".join(parts)


def _parts(group: Bools, legal: Bools, times: NDArray[np.int64], names: Sequence[str]) -> list[str]:
    """Names of the actions of a group, most taken first; those that begin alike, numbers apart, as one where all such
    are in it."""
    words = {action: without_number(names[action]).split()[:_WORDS] for action in legal.nonzero()[0].tolist()}
    beginning: dict[tuple[str, ...], list[int]] = {}
    for action, name in words.items():
        for count in range(1, len(name) + 1):
            beginning.setdefault(tuple(name[:count]), []).append(action)
    kinds = {
        first: " ".join(commonprefix([words[action] for action in alike]))  # noqa: RUF071 - of words, not of characters
        for first, alike in beginning.items()
        if len(alike) > 1 and group[alike].all()
    }
    parts = Counter[str]()
    for action, name in words.items():
        if group[action]:
            firsts = (tuple(name[:count]) for count in range(1, len(name) + 1))
            parts[next((kinds[first] for first in firsts if first in kinds), names[action])] += int(times[action])
    return [name for name, _ in parts.most_common()]


def _when(rule: Rule, features: Floats, names: Sequence[str], scales: Mapping[str, float]) -> str:
    """The conditions of a rule in words, among features `[N, F]` that were seen; "" where there is none."""
    spans = [
        (int(first), int(second), *((value, inf) if above else (-inf, value)))
        for first, second, value, above in rule.literals.tolist()
    ]
    if not rule.either and len({span[:2] for span in spans}) < len(spans):  # a number from one to another
        spans = [(*spans[0][:2], max(span[2] for span in spans), min(span[3] for span in spans))]
    said = []
    for first, second, low, high in spans:
        if second >= 0:
            than = f"{'above' if high == inf else 'at most'} {_said(names[second])}"
        else:
            than = _span(features[:, first], low, high, names[first], _scale(names[first], names, scales))
        said.append(f"{_said(names[first])} is {than}")
    return f"where {(' or ' if rule.either else ' and ').join(said)}" if said else ""


def _said(name: str) -> str:
    """A feature's name in words for the player, who decides: slot 1 is the deciding seat's first character."""
    if slot := _SLOT.fullmatch(name):
        return f"{'your first character' if slot[1] == '1' else f'character {slot[1]}'}'s {slot[2]}"
    return name.removeprefix("slot ") if OF_ONE in name else name


def _scale(name: str, names: Sequence[str], scales: Mapping[str, float]) -> float:
    """By what a feature was divided, or everything of the kind that it is one of; 0.0 where that is not known."""
    kind, of_one, _ = name.partition(OF_ONE)
    members = [each for each in names if without_number(each) == kind] if of_one else [name]
    found = {scales.get(each, 0.0) for each in members}
    return found.pop() if len(found) == 1 else 0.0


def _span(column: Floats, low: float, high: float, name: str, scale: float) -> str:
    """A feature above `low` and at most `high` in words, among its numbers `[N]` that were seen: a flag as true or not,
    whole numbers and those of a known scale as the game's own, a fine share in percent, else by what is usual."""
    numbers = np.unique(column)
    percent = _HEALTH.fullmatch(name.partition(OF_ONE)[0]) is not None or (not scale and _is_fine_share(numbers))
    own = numbers * (scale or 1.0)
    whole = not percent and np.allclose(own, np.rint(own), rtol=0.0, atol=1e-3)
    if whole and scale in (0.0, 1.0) and (numbers[0], numbers[-1]) == (0.0, 1.0):
        return "true" if high == inf else "not true"
    is_inside = (numbers > low) & (numbers <= high)
    ends = [(which, end) for which, end in (("above", low), ("at most", high)) if isfinite(end)]
    if is_inside.sum() == 1:
        ends = [("", float(numbers[is_inside][0]))]
    elif numbers[~is_inside].tolist() == [0.0]:
        ends = [("above" if isfinite(low) else "below", 0.0)]
    if not (percent or whole or scale) and any(end for _, end in ends):
        return _beside_usual(float(np.median(column)), low, high)
    return " and ".join(f"{which} {_number(end, scale, percent, whole)}".lstrip() for which, end in ends)


def _is_fine_share(numbers: Floats) -> bool:
    """Whether different numbers, in order, lie from 0 to 1 and in steps as small as a percent: no count of a few."""
    return bool(numbers[0] >= 0.0 and numbers[-1] <= 1.0 and np.diff(numbers).min(initial=1.0) <= 0.01)


def _number(value: float, scale: float, percent: bool, whole: bool) -> str:
    if percent:
        return f"{max(1, floor(100 * value + 1e-3))}%" if value else "0"
    own = value * (scale or 1.0)
    return f"{floor(own + 1e-3):,}" if whole or abs(own) >= 10.0 else f"{own:.2g}"


def _beside_usual(usual: float, low: float, high: float) -> str:
    """What is above `low` and at most `high`, where neither can be said as a number."""
    if usual <= low:
        return "higher than usual"
    if usual > high:
        return "lower than usual"
    if isfinite(low) and isfinite(high):
        return "about as usual"
    return f"not {'lower' if high == inf else 'higher'} than usual"
