"""Ladder of bulk training: keeps earlier selves while it learns, and chooses rungs with equal steps in rating.

Snapshots are dense at first, when a few learning steps change most, and spread over the whole run. A softmax at a
temperature fills what gaps they leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import inf, sqrt
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BatchedGame, Floats, HeadlessGame
from cornerman.evaluation.arena import pair_seed
from cornerman.evaluation.headless import Agent
from cornerman.evaluation.ratings import Meeting, Rating, rate
from cornerman.experience.encoder import Encoder
from cornerman.models.weights import Ladder
from cornerman.policy.difficulty import LEVELS, Rung
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.training.bulk.bar import Bar
from cornerman.training.bulk.pairings import Pairing, Pairings

GROWTH, SHORTEST, LONGEST = 0.08, 16, 500
"""Learning steps from one snapshot to the next: a share of those so far, and the bounds of it."""
MOST_SNAPSHOTS, MOST_CANDIDATES = 400, 32
T = TypeVar("T")
NEIGHBOURS = (1, 3, 6)
"""Whom a candidate meets besides the bots: others so many snapshots later."""
ROUGHLY, AT_LEAST, SCALAR = 4, 40, 100
"""A pairing has so many times fewer battles while candidates are chosen, `AT_LEAST` at the least; and where battles
are played one after the other it has so many times fewer."""
BEGINNER = (0.37, 0.63)
"""What the weakest bot and the next one win of their battles against level 1, at least; a game's only bot the second
share."""
CLOSE = 0.05
"""How far from its place a rung may lie, of the way from level 1 to the champion; where no snapshot is as close, a
temperature is tried."""
EVEN_ENOUGH, UNEVEN = 1.15, 10.0
"""The largest step over the smallest at which the choice ends; and where there is no ladder at all."""
TEMPERATURES = (1e-4, 3.0)
HALVINGS, PASSES = 7, 8
NARROWEST = 100.0
"""Points between level 1 and the champion for which there is a ladder."""
CLEARLY_WEAKER = 0.05
"""By how much more of its battles a rung below level 1 loses to the weakest bot."""
LEAST_OPEN = 0.07
"""A meeting was open where neither won less than that."""
CHAMPION = "champion"
RATING = "Rating the levels of difficulty"
Battles = tuple[int, int]


class Snapshots:
    """Weights of the policy that learns, float16, with its learning steps; owned by the process that learns."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.weights: list[NDArray[np.float16]] = []

    def due(self, steps: int) -> bool:
        if not self.steps:
            return True
        last = self.steps[-1]
        return steps >= last + min(max(int(last * GROWTH), SHORTEST), LONGEST)

    def add(self, steps: int, flat: Floats) -> None:
        """Keep one more; of too many, every second one of the late half goes."""
        self.steps.append(steps)
        self.weights.append(flat.astype(np.float16))
        if len(self.steps) > MOST_SNAPSHOTS:
            self.steps, self.weights = _thinned(self.steps), _thinned(self.weights)

    def policies(self, spec: NetworkSpec) -> list[Policy]:
        """At most `MOST_CANDIDATES` of them, oldest first."""
        chosen = self.weights
        while len(chosen) > MOST_CANDIDATES:
            chosen = _thinned(chosen)
        return [Policy(spec, weights.astype(np.float32)) for weights in chosen]

    def state(self) -> dict[str, NDArray[Any]]:
        """Named arrays for a checkpoint."""
        if not self.steps:
            return {}
        return {"steps": np.array(self.steps, np.int64), "weights": np.array(self.weights)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.steps = arrays["steps"].tolist() if "steps" in arrays else []
        self.weights = list(arrays["weights"]) if "weights" in arrays else []


def _thinned(items: list[T]) -> list[T]:
    half = len(items) // 2
    return items[:half] + items[half + 1 :: 2]


class LadderMaker:
    """Rates a champion's earlier selves and chooses rungs among them; used once."""

    def __init__(self, pairings: Pairings, champion: Policy, bots: Mapping[str, Agent], num_battles: int) -> None:
        """`bots`: weakest first; `num_battles` as in `make_ladder`."""
        self._fine, self._rough = (
            (most, max(AT_LEAST, most // SCALAR)) for most in (num_battles, max(AT_LEAST, num_battles // ROUGHLY))
        )
        self._pairings, self._bots, self._champion = pairings, dict(bots), Rung(champion)
        self._candidates: dict[str, Rung] = {}
        self._met: dict[Pairing, tuple[Battles, Meeting]] = {}

    def make(self, earlier: Sequence[Policy]) -> Ladder | None:
        """The ladder; None where there are no five distinct strengths from a beginner to the champion, or where it was
        stopped."""
        self._candidates = {f"snapshot {number}": Rung(policy) for number, policy in enumerate(earlier)}
        line = [*self._candidates, CHAMPION]
        pairs = [(name, bot) for name in line for bot in self._bots]
        self._play(
            [*pairs, *((line[at], line[at + gap]) for gap in NEIGHBOURS for at in range(len(line) - gap))], self._rough
        )
        first = self._beginner()
        points = self._points()
        if not first or points[CHAMPION] - points[first] < NARROWEST:
            return None
        best, places = (inf, dict[str, float]()), {first: points[first], CHAMPION: points[CHAMPION]}
        for _ in range(PASSES):
            chosen = [first, *(self._nearest(share, places) for share in (0.25, 0.5, 0.75)), CHAMPION]
            self._play(combinations(chosen, 2), self._fine)
            if self._pairings.stopped():
                return None
            places = {name: rating.points for name, rating in self._rated(chosen).items()}
            places = {name: places[name] for name in chosen}
            steps = np.diff(list(places.values()))
            best = min(best, (steps.max() / max(steps.min(), 1e-9), places), key=lambda each: each[0])
            if best[0] < EVEN_ENOUGH:
                break
        return self._ladder(list(best[1])) if best[0] < UNEVEN else None

    def _play(self, pairs: Iterable[Pairing], battles: Battles) -> None:
        """Play what was not played at that length."""
        players: dict[str, Agent] = {**self._candidates, CHAMPION: self._champion, **self._bots}
        due = [pair for pair in pairs if self._met.get(pair, ((0, 0), None))[0] < battles]
        for meeting in self._pairings.play(players, due, *battles):
            self._met[meeting.player, meeting.opponent] = battles, meeting

    def _points(self) -> dict[str, float]:
        """Of everybody who was met, on the scale of the nearest opponents."""
        rated = rated_nearby([meeting for _, meeting in self._met.values()], next(iter(self._bots), CHAMPION))
        return {name: rating.points for name, rating in rated.items()}

    def _rated(self, names: Sequence[str], anchors: Mapping[str, float] | None = None) -> dict[str, Rating]:
        """By all battles between these alone."""
        met = [meeting for pair, (_, meeting) in self._met.items() if {*pair} <= {*names}]
        return rate(met, {names[0]: 0.0} if anchors is None else anchors)

    def _wins(self, bot: str, name: str) -> float:
        """Share that a bot wins against a candidate; 0 where they have not met."""
        _, meeting = self._met.get((name, bot), (None, Meeting(name, bot, 1.0, 1)))
        return 1.0 - meeting.score / max(meeting.battles, 1)

    def _beginner(self) -> str:
        """The strongest candidate that loses to the weakest bots as a beginner does; "" where there is none."""

        def weak(name: str) -> bool:
            wanted = dict(zip(self._bots, BEGINNER if len(self._bots) > 1 else BEGINNER[1:], strict=False))
            return all(self._wins(bot, name) >= share for bot, share in wanted.items())

        points = self._points()
        weak_ones = [name for name in self._candidates if name in points and weak(name)]
        if not weak_ones:
            base = min(self._candidates, key=lambda name: points.get(name, inf), default=CHAMPION)
            weak_ones = [name for name in self._temper(base, weak) if weak(name)]
            points = self._points()
        for name in sorted(weak_ones, key=lambda name: -points[name]):
            # The strongest of several is among them by luck, too: it has to be weak in many more battles.
            self._play([(name, bot) for bot in self._bots], self._fine)
            if weak(name):
                return name
        return ""

    def _nearest(self, share: float, places: Mapping[str, float]) -> str:
        """The candidate nearest to that share of the way from the first place to the last, or one that a temperature
        brings there. `places`: names, weakest first, and their points on the scale in which steps are to be equal."""
        low, *_, high = places.values()
        target, close = low + share * (high - low), CLOSE * (high - low)

        def place(name: str) -> float:
            known = sorted((points[each], at) for each, at in places.items())
            return float(np.interp(points[name], [at for at, _ in known], [at for _, at in known]))

        def gap(name: str) -> float:
            return abs(place(name) - target)

        points = self._points()
        if min(map(gap, points.keys() & self._candidates.keys()), default=inf) > close:
            plain = [name for name, rung in self._candidates.items() if name in points and not rung.temperature]
            base = min((name for name in plain if place(name) > target), key=place, default=CHAMPION)
            for _ in self._temper(base, lambda name: place(name) < target):
                points = self._points()
        return min(points.keys() & self._candidates.keys(), key=gap)

    def _temper(self, base: str, weak: Callable[[str], bool]) -> Iterator[str]:
        """Add `base` at temperatures, each found by halving where it becomes `weak`."""
        rung = self._champion if base == CHAMPION else self._candidates[base]
        points, (low, high) = self._points(), TEMPERATURES
        near = sorted(self._candidates, key=lambda name: abs(points.get(name, inf) - points[base]))[:3]
        for _ in range(HALVINGS):
            temperature = round(sqrt(low * high), 6)
            name = f"{base} at {temperature}"
            self._candidates[name] = replace(rung, temperature=temperature)
            self._play([(name, opponent) for opponent in (*near, *self._bots)], self._rough)
            if self._pairings.stopped():
                return
            yield name
            low, high = (low, temperature) if weak(name) else (temperature, high)

    def _ladder(self, chosen: list[str]) -> Ladder:
        """The rungs with their ratings, and below level 1 whoever loses most to the weakest bot, about half at best."""
        first, weakest = chosen[0], next(iter(self._bots), "")

        def even(name: str) -> bool:
            return self._wins(weakest, name) >= 0.5

        if weakest and not any(map(even, self._candidates)):
            for _ in self._temper(first, even):
                pass
        below = max(self._candidates, key=lambda name: self._wins(weakest, name))
        beneath = [below] * (self._wins(weakest, below) > self._wins(weakest, first) + CLEARLY_WEAKER)
        self._play([(name, bot) for name in (*beneath, first) for bot in self._bots], self._fine)
        self._play([(name, first) for name in beneath], self._fine)
        ratings = self._rated([*chosen, weakest], {weakest: 0.0} if weakest else {first: 0.0})
        rungs = [_rated(self._candidates[name], ratings[name]) for name in chosen[:-1]]
        for name in beneath:
            below_first = self._rated([first, name], {first: ratings[first].points})[name]
            if below_first.points < ratings[first].points:
                rungs = [_rated(self._candidates[name], below_first), *rungs]
        return Ladder(tuple(rungs), len(rungs) - len(LEVELS) + 1, _rated(self._champion, ratings[CHAMPION]))


def rated_nearby(meetings: Sequence[Meeting], anchor: str) -> dict[str, Rating]:
    """Ratings, the anchor at 0, from the meetings that were open: luck decides a few battles between the most unequal
    players, too, so that those make all distances look alike. Who had no open meeting is rated by all of its own."""
    near = [each for each in meetings if LEAST_OPEN * each.battles <= each.score <= (1.0 - LEAST_OPEN) * each.battles]
    known = {name for meeting in near for name in (meeting.player, meeting.opponent)}
    rest = [each for each in meetings if not {each.player, each.opponent} <= known]
    return rate([*near, *rest], {anchor: 0.0})


def _rated(rung: Rung, rating: Rating) -> Rung:
    return replace(rung, points=rating.points, low=rating.low, high=rating.high)


def make_ladder(
    game: HeadlessGame,
    champion: Policy,
    earlier: Sequence[Policy],
    num_battles: int,
    seed: int,
    bar: Bar,
    stopped: Callable[[], bool],
) -> Ladder | None:
    """The champion's ladder; None as `LadderMaker.make`. `num_battles`: of a pairing of rungs, where many are played at
    once; `earlier`: its earlier selves, oldest first."""
    batched = game.batched_bots if isinstance(game, BatchedGame) else {}
    bots = {name: bot for name, bot in game.bots.items() if name in batched or not batched}
    pairings, line = Pairings(game, Encoder(game), pair_seed(seed, 0, "ladder")), len(earlier) + 1
    least = line * len(bots) + sum(max(0, line - gap) for gap in NEIGHBOURS)
    how_far = f"of {least} pairings, or up to three times as many"
    pairings.stopped = bar.during(RATING, stopped, lambda: f", {pairings.num_played} {how_far}")
    return LadderMaker(pairings, champion, bots, num_battles).make(earlier)
