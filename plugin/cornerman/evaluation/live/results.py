"""Live results: scores of versions in the running game's battles, and a test of whether a champion has become worse.

A player's own few battles prove little, so only a large drop causes a roll-back, and only battles at the same
difficulty against the same player are compared. Candidates on trial: trials.py.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import log
from typing import TypeAlias

from cornerman.contract import CANDIDATE, SEAT_KINDS, DataError, Source
from cornerman.evaluation.live.adaptive import Adaptive
from cornerman.evaluation.significance import Mean, gain_llr, pooled
from cornerman.experience.encoder import number
from cornerman.experience.rewards import met_by_plugin, plugins_outcome
from cornerman.policy.policy_slot import Trial

MAX_OPEN = 64
RECENT_BATTLES = 50

Scored: TypeAlias = tuple[str, float]
"""Opponent and score of a battle: 1 won, 1/2 drawn, 0 lost."""


@dataclass(frozen=True, slots=True)
class LiveResult:
    """Score of one version in one whole battle, at one difficulty."""

    version: int
    level: int
    opponent: str  # "player NAME", or "player" without a name, where one took part, else "scripted"
    score: float  # 1 won, 1/2 drawn, 0 lost
    rounds: int
    seat: int
    battle_id: int = 0
    trial: int | None = None
    """Number of the trial in which the coin was thrown for this battle, and whoever it chose played; else None."""

    ahead: bool = False
    """Whether look-ahead took some of the decisions."""

    other: float = 0.0
    """Score of whoever the plugin met, of several players the mean: several sides may lose together."""

    @property
    def kind(self) -> str:
        """Its kind in the history: only results of the same kind and opponent are compared. With look-ahead they
        tell of the version, of the search and of what is known of the player together."""
        return f"live {self.level}" + (" ahead" if self.ahead else "")


@dataclass(slots=True)
class _OpenBattle:
    player: str = ""
    rounds: int = 1
    void: bool = False
    trial: int | None = None  # the number of the one in which it began
    tried: bool = False  # whether the coin chose the candidate
    decided: set[tuple[int, int]] = field(default_factory=set)  # version and difficulty
    ahead: bool = False


class LiveBattles:
    """Battles under way; one that a single version fought from start to end gives a result. The game's thread."""

    def __init__(self, adaptive: Adaptive) -> None:
        self.adaptive = adaptive
        """Chooses who plays battles at the adaptive difficulty, and learns from them."""
        self.outcomes: deque[int] = deque(maxlen=RECENT_BATTLES)
        """Signs of the plugin's outcomes in the last battles that were not cut off, whichever version decided."""
        self._open: dict[int, _OpenBattle] = {}

    def start(self, battle_id: int, trial: int | None = None, tried: bool = False, player: str = "") -> None:
        """Add a battle: of the trial with that number, where one runs, in which the candidate plays (`tried`) or the
        champion in turn with it. `player`: the name of who plays, if one has a name.

        Where `MAX_OPEN` are under way already, the oldest is dropped.
        """
        if len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        self._open[battle_id] = _OpenBattle(player, trial=trial, tried=tried)

    def tries(self, battle_id: int, trial: int) -> bool:
        """Whether the candidate on trial plays this battle, which began in this trial."""
        battle = self._open.get(battle_id)
        return battle is not None and battle.tried and battle.trial == trial

    def trying(self, trial: Trial | None) -> bool:
        """Whether the candidate on trial plays the battle that began last and is not over."""
        return trial is not None and any(self.tries(each, trial.number) for each in [*self._open][-1:])

    def weights_alone(self, battle_id: int) -> bool:
        """Whether this battle is a part of a trial, whose result has to tell of the weights alone."""
        battle = self._open.get(battle_id)
        return battle is None or battle.trial is not None

    def decided(self, battle_id: int, version: int, level: int, ahead: bool = False) -> None:
        """Called when a version has chosen an action at a difficulty, or look-ahead has with it."""
        battle = self._open.get(battle_id)
        if battle is not None:
            battle.decided.add((version, level))
            battle.ahead = battle.ahead or ahead

    def void(self, battle_id: int | None = None, player: str | None = None) -> None:
        """Give no result for a battle in which something else chose actions; None: for all under way, of one player
        where that is given."""
        for each in list(self._open) if battle_id is None else [battle_id]:
            if each in self._open and player in (None, self._open[each].player):
                self._open[each].void = True

    def forget(self) -> None:
        """Drop the outcomes, and give no result for the battles under way."""
        self.outcomes.clear()
        self.adaptive.forget()
        self.void()

    def reached(self, battle_id: int, number: object) -> None:
        """Called when a battle has reached a round; anything but an int is ignored."""
        battle = self._open.get(battle_id)
        if battle is not None and type(number) is int:
            battle.rounds = max(battle.rounds, number)

    def end(
        self, battle_id: int, seats: Mapping[int, Source], outcome: Mapping[int, float], truncated: bool
    ) -> LiveResult | None:
        """The result of a battle; None where it was cut off, or not fought by one version at one difficulty."""
        battle = self._open.pop(battle_id, None)
        outcomes = {seat: outcome_of(outcome, seat) for seat in seats}
        result = None if truncated else plugins_outcome(seats, outcomes)
        if result is None:
            return None
        self.outcomes.append((result > 0) - (result < 0))
        opponent = opponent_of(seats)
        if battle is None or battle.void or len(battle.decided) != 1 or not opponent:
            return None
        ((version, level),) = battle.decided
        trial = battle.trial if battle.tried == (version == CANDIDATE) else None
        score = (result + 1) / 2
        met = [each for seat in met_by_plugin(seats) if (each := outcomes[seat]) is not None]
        other = (sum(met) / len(met) + 1) / 2 if met else 1 - score
        seat = next(seat for seat, source in seats.items() if source is Source.PLUGIN)
        opponent = player_called(battle.player) if opponent == "player" else opponent
        return LiveResult(version, level, opponent, score, battle.rounds, seat, battle_id, trial, battle.ahead, other)


def sources_of(seats: Mapping[int, str]) -> dict[int, Source]:
    """Who decides in which seat; empty where the game gave something unreadable, which the recorder reports."""
    try:
        return {seat: SEAT_KINDS.get(kind, Source.UNKNOWN) for seat, kind in seats.items()}
    except (AttributeError, TypeError):
        return {}


def opponent_of(seats: Mapping[int, Source]) -> str:
    """Whom the plugin meets, as in `LiveResult`; "" where its battle gives no result: it sits alone or nowhere, or the
    game does not say who decides in a seat."""
    others = set(seats.values()) - {Source.PLUGIN}
    if Source.PLUGIN not in seats.values() or not others or not others <= {Source.PLAYER, Source.SCRIPTED}:
        return ""
    return "player" if Source.PLAYER in others else "scripted"


def player_called(name: str) -> str:
    """A player as the `opponent` of a `LiveResult`; "": one without a name."""
    return f"player {name}" if name else "player"


def outcome_of(outcome: Mapping[int, float], seat: int) -> float | None:
    """Outcome of a seat, -1 to 1; None where the game gave something else, which the recorder reports."""
    try:
        result = number(outcome.get(seat), "The outcome")
    except (AttributeError, TypeError, DataError):
        return None
    return result if -1.0 <= result <= 1.0 else None


# --------------------------------------------------------------------------------------------- test of a version


@dataclass(frozen=True, slots=True)
class WatchBounds:
    """The drop to detect, the rates of both errors, and the numbers of battles."""

    drop: float = 0.20  # of the mean score, a draw counting one half
    alpha: float = 0.02  # how often a version that is no worse may be rolled back
    beta: float = 0.10  # how often a drop may be missed
    min_battles: int = 20  # of this version and of its predecessor
    max_battles: int = 200


class LiveWatch:
    """Sequential test of one version against its predecessor's results; `worse` is None while it is undecided."""

    def __init__(self, predecessor: Iterable[Scored], bounds: WatchBounds | None = None) -> None:
        """`predecessor`: its live battles; with too few against the same opponents, nothing is decided."""
        self._bounds = bounds or WatchBounds()
        before = defaultdict[str, list[float]](list)
        for opponent, score in predecessor:
            before[opponent].append(score)
        self._before = {opponent: Mean.of(scores) for opponent, scores in before.items()}
        self._now: dict[str, list[float]] = {opponent: [] for opponent in before}
        self.worse: bool | None = None

    def add(self, opponent: str, score: float) -> bool | None:
        """Count one live battle; True: it is worse, roll back; False: it is not; None: undecided."""
        if opponent in self._now:  # else the predecessor never met this one
            self._now[opponent].append(score)
        if self.worse is None:
            self.worse = self._decide()
        return self.worse

    @property
    def llr(self) -> float:
        """The logarithm of the likelihood ratio of a drop against none."""
        return gain_llr(*self._means, -self._bounds.drop)

    @property
    def _means(self) -> tuple[Mean, Mean]:
        """Of this version and of its predecessor, against the same opponents."""
        return pooled((Mean.of(self._now[opponent]), before) for opponent, before in self._before.items())

    @property
    def sentence(self) -> str:
        """The result so far, for the player."""
        now, before = self._means
        figures = f"{now.score:.0%} in {now.num} live battles after {before.score:.0%} in {before.num}"
        if self.worse is None:
            return f"Undecided: {figures}."
        return f"Worse than its predecessor: {figures}." if self.worse else f"No worse than its predecessor: {figures}."

    def _decide(self) -> bool | None:
        bounds, (now, before) = self._bounds, self._means
        if min(now.num, before.num) < bounds.min_battles:
            return None
        llr = gain_llr(now, before, -bounds.drop)
        if llr >= log((1.0 - bounds.beta) / bounds.alpha):
            return True
        if llr <= log(bounds.beta / (1.0 - bounds.alpha)) or now.num >= bounds.max_battles:
            return False
        return None
