"""What a habit may depend on and what it may be about: conditions on features, and groups of actions.

Both are proposed from names and numbers alone, so they mean something in any game: a feature above or below a value,
one feature above another of the same kind ("slot 3 health", "slot 4 health"), the actions that share a word ("heavy").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats
from cornerman.opponent.features import kinds_of

Literals = NDArray[np.float64]
"""Conditions, one a row `[K, 4]`: feature, other feature or -1, value, 1 for "above the value" or 0 for "not above";
compared is the feature, or its lead over the other one."""

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
FEW = 24
MAX_FEATURES, MAX_LITERALS = 256, 1_200
MAX_GROUPS, MAX_SINGLE, MAX_KINDS, MAX_MEMBERS = 96, 32, 8, 8
_WORD = re.compile(r"[^\W_]+")


def holds(literals: Literals, features: Floats) -> Bools:
    """Which conditions `[K, 4]` hold in which features `[B, F]`: `[B, K]`."""
    first, second = literals[:, 0].astype(np.int64), literals[:, 1].astype(np.int64)
    value = features[:, first] - np.where(second >= 0, features[:, np.maximum(second, 0)], np.float32(0.0))
    above: Bools = value > literals[:, 2].astype(np.float32)
    return np.asarray(above == (literals[:, 3] > 0.5))


def proposed(feature_names: Sequence[str], features: Floats) -> Literals:
    """Conditions `[K, 4]` that part these features `[B, F]`, each with its opposite, none twice."""
    varies = (features.max(0) > features.min(0)).nonzero()[0][:MAX_FEATURES]
    found: list[tuple[float, float, float, float]] = []
    for feature in varies.tolist():
        found += [(feature, -1, value, 1) for value in _values(features[:, feature])]
    for kind in kinds_of(feature_names).values():
        if len(kind) <= MAX_MEMBERS:
            found += [(one, other, 0.0, 1) for one, other in combinations(kind.values(), 2)]
    if len(found) > MAX_LITERALS // 2:
        found = [found[at] for at in np.linspace(0, len(found) - 1, MAX_LITERALS // 2).astype(int)]
    literals = np.array(found, np.float64).reshape(-1, 4)
    truths = holds(literals, features)
    parts = truths.any(0) & ~truths.all(0)
    _, first = np.unique(np.packbits(truths[:, parts], axis=0), axis=1, return_index=True)
    literals = literals[parts][np.sort(first)]
    return np.concatenate([literals, literals * (1, 1, 1, 0)])


def _values(column: Floats) -> list[float]:
    """Values that part a feature's numbers `[B]`: all midpoints of a few, else those at quantiles and at the ends."""
    numbers = np.unique(column)
    middles = (numbers[1:] + numbers[:-1]) / 2
    if len(middles) <= FEW:
        return [float(value) for value in middles]
    at = np.searchsorted(middles, np.quantile(column, QUANTILES)).clip(0, len(middles) - 1)
    half = [0.5] if numbers[0] < 0.5 < numbers[-1] else []
    return sorted({*middles[at].tolist(), float(middles[0]), float(middles[-1]), *half})


def action_groups(action_names: Sequence[str], action_masks: Bools, taken: NDArray[np.int64]) -> Bools:
    """Groups of actions `[G, A]`: single ones, those that share a word or two, two kinds, and all but these.

    A kind are those with the same first word. `action_masks` `[N, A]` and `taken` `[N]` are of decisions: groups differ
    in what was ever legal in them; in a game with many actions single ones and words are those of the most frequent.
    """
    count, legal = len(action_names), np.asarray(action_masks.any(0))
    order = np.argsort(-np.bincount(taken, minlength=count), kind="stable").tolist()
    words: dict[str, set[int]] = {}
    kinds: dict[str, set[int]] = {}  # by the first word
    rest = [action for action in order[MAX_GROUPS:] if legal[action]]
    for at, action in enumerate(order[:MAX_GROUPS] + rest):  # the rest adds no words
        name = action_names[action].lower()
        for sets, keys in ((kinds, name.split(" ")[:1]), (words, _WORD.findall(name))):
            for key in keys:
                if at < MAX_GROUPS or key in sets:
                    sets.setdefault(key, set()).add(action)
    shared = sorted((group for group in words.values() if len(group) > 1), key=len, reverse=True)[:24]
    single = [{action} for action in order[:MAX_GROUPS]]
    two = [one | other for one, other in combinations(kinds.values(), 2)] if len(kinds) <= MAX_KINDS else []
    both = [one & other for one, other in combinations(shared, 2)]
    found: dict[bytes, Bools] = {}
    for members in (*single[:MAX_SINGLE], *shared, *two, *both, *single[MAX_SINGLE:]):
        group = np.zeros(count, np.bool_)
        group[sorted(members)] = True
        for each in (group, ~group):
            if (each & legal).any() and (~each & legal).any():
                found.setdefault((each & legal).tobytes(), each)
    return np.array(list(found.values())[: 2 * MAX_GROUPS], np.bool_).reshape(-1, count)


def words_of(action_names: Sequence[str]) -> NDArray[np.float64]:
    """What actions have in common `[A, W]`: 1 for the action itself, and for each word that several names share."""
    having: dict[str, list[int]] = {}
    for action, name in enumerate(action_names):
        for word in dict.fromkeys(_WORD.findall(name.lower())):
            having.setdefault(word, []).append(action)
    count = len(action_names)
    shared = sorted({tuple(actions) for actions in having.values() if 1 < len(actions) < count})
    words = np.zeros((count, count + len(shared)))
    words[:, :count] = np.eye(count)
    for at, actions in enumerate(shared, count):
        words[list(actions), at] = 1.0
    return words
