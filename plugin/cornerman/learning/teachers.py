"""Teachers: whose decisions are imitated, found from how each who decided in recorded battles has fared.

Where seats are alike, both are teachers for the plugin: a player who wins is the best one there is. Where they are not,
only decisions in the plugin's own seats teach it anything. The trainer's thread owns it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

import numpy as np

from cornerman.contract import BattleEnd, Floats, Source, Transition
from cornerman.experience.declaration import Declaration
from cornerman.experience.transitions import Columns
from cornerman.learning.advantages import Advantages, Episode, Ints, Lots

RECENT_BATTLES = 100
PRIOR_BATTLES = 2.0
"""So many drawn battles are mixed into every mean: one lucky win makes no teacher."""
AS_GOOD = 0.1
"""Whose mean outcome is less than so far below the best one's is imitated, too."""

ROWS_AT_ONCE = 1024
"""Of the replay buffer, for which better actions are looked up: little memory beside it."""

Who: TypeAlias = tuple[int, bool, int]
"""Source of a decision, whether a policy took it, and the seat where seats are not alike, else -1."""


class Teachers:
    """Outcomes of the newest battles by who decided."""

    def __init__(self, declared: Declaration) -> None:
        self._alike, self._seats = declared.seats_alike, frozenset(declared.plugin_seats)
        self._outcomes: dict[Who, deque[float]] = {}
        self._imitated: list[Who] = []
        self._lots: dict[Who, Lots] = {}

    def end(self, rows: Iterable[Transition], end: BattleEnd) -> None:
        """Count a battle, given its decisions; one that was cut off says nothing."""
        if end.truncated:
            return
        decided = dict[int, list[Transition]]()
        for row in rows:
            decided.setdefault(row.seat, []).append(row)
        for seat, theirs in decided.items():
            who = self._who(theirs[-1])
            if seat in end.outcome and who is not None:
                outcomes = self._outcomes.setdefault(who, deque(maxlen=RECENT_BATTLES))
                outcomes.append(float(end.outcome[seat]))
                if not who[1]:
                    self._lots.setdefault(who, Lots()).add(Episode(theirs, float(end.outcome[seat])))
        self._imitated = self._best()

    def _who(self, row: Transition) -> Who | None:
        if self._alike:
            return int(row.source), row.version != -1, -1
        return (int(row.source), row.version != -1, row.seat) if row.seat in self._seats else None

    def means(self) -> Mapping[Who, float]:
        """Mean outcomes, -1 to 1."""
        return {who: sum(each) / (len(each) + PRIOR_BATTLES) for who, each in self._outcomes.items()}

    def imitated(self) -> list[Who]:
        """Who is imitated now: in every role the best, and those about as good."""
        return self._imitated

    def _best(self) -> list[Who]:
        means = self.means()
        best: dict[int, float] = {}
        for (_, _, seat), mean in means.items():
            best[seat] = max(mean, best.get(seat, -1.0))
        return [who for who, mean in means.items() if who[0] != Source.UNKNOWN and mean > best[who[2]] - AS_GOOD]

    def advantages(self) -> Mapping[int, Advantages]:
        """What the decisions of those imitated show where they are taken by lot, by role: the seat, -1 where seats are
        alike. Policies are left out: they decide by lot only where they explore."""
        means = self.means()
        by_mean = sorted((who for who in self._imitated if who in self._lots), key=means.__getitem__)
        return {who[2]: self._lots[who].advantages() for who in by_mean}

    def imitates(self, row: Transition) -> bool:
        return self._who(row) in self._imitated

    def clear(self) -> None:
        self._outcomes.clear()
        self._lots.clear()
        self._imitated = []


def weights_of(teachers: Iterable[Who], columns: Columns) -> Floats:
    """1 for every row `[N]` of one of the teachers, 0 for the others; -1 in place of 1 where whoever plays the plugin's
    seat, its own fighter or a version, is among the best: then only TD on the actions, too, can find a better play."""
    weights = np.zeros(len(columns["source"]), np.float32)
    by_policy, teachers = columns["version"] != -1, list(teachers)
    size = -1.0 if any(source == Source.PLUGIN for source, _, _ in teachers) else 1.0
    for source, policy, seat in teachers:
        theirs = (columns["source"] == source) & (by_policy == policy)
        weights[theirs if seat < 0 else theirs & (columns["seat"] == seat)] = size
    return weights


def weights_by_role(roles: Collection[int], columns: Columns) -> Floats:
    """1 for every row `[N]` of one of the roles, the seats or -1 for all of them, 0 for the others."""
    theirs = np.isin(columns["seat"], list(roles)) | (-1 in roles)
    return theirs.astype(np.float32)


def better_actions(advantages: Mapping[int, Advantages], columns: Columns) -> Ints:
    """The row's own action `[N]`, or in roles of which something is known the one of the largest advantage."""
    actions: Ints = columns["action"].astype(np.int64)
    for role, known in advantages.items():
        theirs = np.flatnonzero(columns["action_mask"].any(1) & ((role < 0) | (columns["seat"] == role)))
        for start in range(0, len(theirs), ROWS_AT_ONCE):
            rows = theirs[start : start + ROWS_AT_ONCE]
            actions[rows] = known.best(columns["observation"][rows], columns["action_mask"][rows])
    return actions
