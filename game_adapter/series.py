"""A headless series: battle after battle at full speed, the plugin against a bot, with a table to watch.

Between rounds the series waits until the plugin has learned from what it recorded (`host.settle`): no frame waits, and
the same seed gives the same series. Prints through `say`; knows no plugin by name but the one it is given.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from game_adapter.host.host import Host
from game_adapter.host.match import PLUGIN, SCRIPTED, Match

if TYPE_CHECKING:
    from cornerman.contract import HeadlessGame

SETTLE_S = 60.0
STAND_IN = "stand-in"
"""Name of the bot in the plugin's seat where the plugin is missing or off; the same bot plays opposite."""
RECENT = 50
EVALUATION_BATTLES = 400
EVALUATION_SEED = 1_000_003  # apart from every seed of a series
HEADER = f"{'battle':>7} {'won of last 50':>15} {'version':>8} {'transitions':>12} {'steps/s':>8} {'device':>7}"


@dataclass(frozen=True, slots=True)
class Played:
    """One battle of the series; `winner` is the plugin's name (or "stand-in"), the bot's, or "draw"."""

    battle: int
    winner: str
    rounds: int
    version: int
    seconds: float
    transitions: int
    steps: int
    seat: int


class Series:
    """`battles` battles of `plugin` against `bot`; sides change every battle. Iterate over it to play it."""

    def __init__(self, host: Host, game: HeadlessGame, plugin: str, bot: str, battles: int, seed: int) -> None:
        self.host, self.game, self.plugin, self.bot = host, game, plugin, bot
        self.num_battles, self.seed = battles, seed
        self.played: list[Played] = []
        self.swaps: list[tuple[int, int]] = []  # battle, version that plays from there on
        self.match: Match | None = None  # the newest
        self.log: list[Any] = []  # what happened in it, turn by turn
        self._recent: deque[bool] = deque(maxlen=RECENT)
        self._num_said, self._events = 0, list[str]()
        self._own: set[str] = set()  # events of the plugin that were returned
        self._known = self._first = -1  # the version that was seen to play last, and before the first battle

    def __iter__(self) -> Iterator[Played]:
        seeds = Random(f"series {self.seed}")
        for number in range(1, self.num_battles + 1):
            yield self._play(number, seeds.getrandbits(48))

    @property
    def recent_win_rate(self) -> float:
        return sum(self._recent) / max(1, len(self._recent))

    def report(self) -> Mapping[str, Any]:
        return self.host.report(self.plugin) or {}

    @property
    def fighter(self) -> str:
        """Who controls the plugin's seat now."""
        return self.plugin if any(p.name == self.plugin and p.on for p in self.host.plugins) else STAND_IN

    def new_messages(self) -> list[str]:
        """Messages of the host and events of the plugin since the last call."""
        said, self._num_said = self.host.messages_since(self._num_said), self.host.num_said
        before, self._events = self._events, [event["text"] for event in reversed(self.report().get("events", []))]
        own = [f"{self.plugin}: {text}" for text in _after(before, self._events)]
        new = [line for line in said if line not in self._own]  # the host passes some of the events on
        new += [line for line in own if line not in said]
        self._own.update(own)
        return new

    @property
    def version(self) -> int:
        return int(self.report().get("version", -1))

    def _play(self, number: int, seed: int) -> Played:
        start, seat = time.perf_counter(), (number - 1) % 2
        bot = self.game.bots[self.bot]
        if self._known < 0:
            self._known = self._first = self.version
        version, fighter = self.watch(number), self.fighter
        self.log.clear()
        match = self.match = Match(
            self.host, self.game.new_battle(seed), number, {seat: PLUGIN, 1 - seat: SCRIPTED}, bot, Random(seed)
        )
        while not match.over:
            if match.between_rounds:
                self.host.settle(SETTLE_S)
                match.start_round()
            self.log.append(match.play(match.decide()))
            version = self.watch(number)
        self.host.settle(SETTLE_S)
        self.watch(number)
        outcome = match.battle.outcome or {}
        result = outcome.get(seat, 0)
        self._recent.append(result > 0)
        report = self.report()
        battle = Played(
            battle=number,
            winner=fighter if result > 0 else self.bot if result < 0 else "draw",
            rounds=match.battle.round,
            version=version,
            seconds=round(time.perf_counter() - start, 4),
            transitions=report.get("recorder", {}).get("recorded", 0),
            steps=report.get("learner", {}).get("steps", 0),
            seat=seat,
        )
        self.played.append(battle)
        return battle

    def watch(self, number: int) -> int:
        """Note a swap in or after battle `number`; returns the version that plays now, -1 where it is not known."""
        now = self.version
        if now != self._known and now >= 0:
            self.swaps.append((number, now))
            self._known = now
        return now

    @property
    def promotions(self) -> int:
        """Versions that are new since the series began: a number is never used twice, and two may come in one break."""
        return max((version for _, version in self.swaps), default=self._first) - self._first

    def evaluate(self, version: int | None) -> Mapping[str, Any] | None:
        """`version` (None: the one that plays now) over separate side-swapped battles; None: the plugin cannot."""
        return self.host.evaluate(self.plugin, version, self.bot, EVALUATION_BATTLES, EVALUATION_SEED + self.seed)


def run(series: Series, say: Callable[[str], None], json_path: Path | None) -> dict[str, Any]:
    """Play the series with a table; writes one JSON line a battle and the summary as the last; returns the summary.

    An interrupt ends the series early and still gives a summary of what was played.
    """
    for sentence in series.new_messages():
        say(sentence)
    say(f"{series.fighter} against {series.bot}: {series.num_battles} battles, seed {series.seed}")
    say(HEADER)
    start = time.perf_counter()
    # Line by line, so that a series that is killed leaves the battles before.
    with json_path.open("w", buffering=1, encoding="utf-8") if json_path else StringIO() as lines:
        try:
            for battle in series:
                lines.write(json.dumps(asdict(battle)) + "\n")
                for sentence in series.new_messages():
                    say(f"{battle.battle:>7} {sentence}")
                if battle.battle % 10 == 0 or battle.battle == series.num_battles:
                    say(_row(series, battle))
        except KeyboardInterrupt:
            say(f"Stopped after {len(series.played)} battles. What was learned is kept.")
        series.host.settle(SETTLE_S)
        summary = _summary(series, time.perf_counter() - start)
        lines.write(json.dumps({"summary": summary}) + "\n")
    for line in [*series.new_messages(), *_closing(summary)]:
        say(line)
    return summary


def _after(before: list[str], now: list[str]) -> list[str]:
    """What was added to the end of a list that may have lost its first entries meanwhile."""
    for lost in range(len(before)):
        kept = len(before) - lost
        if now[:kept] == before[lost:]:
            return now[kept:]
    return now


def _row(series: Series, battle: Played) -> str:
    report = series.report()
    rate = report.get("learner", {}).get("steps_per_s")
    return (
        f"{battle.battle:>7} {series.recent_win_rate:>14.0%} {battle.version:>9} {battle.transitions:>12} "
        f"{rate or 0:>8.0f} {report.get('device', 'none'):>7}"
    )


def _summary(series: Series, seconds: float) -> dict[str, Any]:
    series.watch(max(1, len(series.played)))  # a swap after the last battle, or in one that was broken off
    now = series.evaluate(None)
    untrained = now if now and now["version"] == 0 else series.evaluate(0)
    won = sum(battle.winner == series.plugin for battle in series.played)
    return {
        "bot": series.bot,
        "seed": series.seed,
        "battles": len(series.played),
        "won": won,
        "untrained": untrained and untrained["win_rate"],
        "untrained_interval": untrained and list(untrained["interval"]),
        "now": now and now["win_rate"],
        "now_interval": now and list(now["interval"]),
        "evaluation_battles": now["battles"] if now else 0,
        "version": series.version,
        "promotions": series.promotions,
        "seconds": round(seconds, 1),
    }


def _closing(summary: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{summary['battles']} battles in {summary['seconds']} s, {summary['won']} won by the plugin"
    yield f"{summary['promotions']} versions promoted by the gate"
    if summary["now"] is None:
        yield "No plugin that learns is playing: in the end bots played both sides."
        return
    yield f"Against {summary['bot']}, over {summary['evaluation_battles']} separate side-swapped battles each:"
    for label, key in (("version 0, untrained", "untrained"), (f"version {summary['version']}, now", "now")):
        if summary[key] is None:
            yield f"  {label:<22} can no longer be played"
            continue
        low, high = summary[f"{key}_interval"]
        yield f"  {label:<22} wins {summary[key]:.1%}  (95% interval {low:.1%} to {high:.1%})"
