"""The gate: whether a candidate may replace the champion, found out a few turns at a time.

With headless battles: candidate against champion in side-swapped pairs under a sequential test; one that passes must
then show no significant loss against the bots, compared with the champion on the same seeds, and against the oldest
kept champion. Without them: held_out_judge.py. Undecided keeps the champion. The trainer's thread owns a judge; nothing
here reads a clock or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Protocol

from cornerman.contract import Bot, HeadlessGame
from cornerman.evaluation.arena import (
    MAX_TURNS,
    Agent,
    Encoding,
    as_bot,
    count_different,
    different_text,
    pair_seed,
    pair_turns,
)
from cornerman.evaluation.faults import BattleFaults, FaultyBattleError
from cornerman.evaluation.significance import Bounds, SequentialTest, chance_of_loss
from cornerman.evaluation.verdict import Check, GateBattle, SlicedJudge, Verdict


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How strict the gate is."""

    min_pairs: int = 20
    max_pairs: int = 200
    bot_pairs: int = 30  # pairs that candidate and champion each play against every bot, on the same seeds
    bot_alpha: float = 0.02  # how often a candidate that lost nothing may be refused, all these checks together
    max_turns: int = MAX_TURNS


class Judge(Protocol):
    """Decides between the candidate and the champion, a slice at a time."""

    @property
    def verdict(self) -> Verdict | None: ...
    @property
    def pairs(self) -> int: ...
    def advance(self, budget: Callable[[], bool]) -> Verdict | None: ...


class Gate(SlicedJudge):
    """Judges by headless battles; a turn is one decision of either side.

    A pair with a faulty battle is left out and said, and another one is played; where most battles are faulty the
    champion is kept.
    """

    def __init__(
        self,
        candidate: Agent,
        champion: Agent,
        game: HeadlessGame,
        encoder: Encoding,
        seed: int,
        settings: GateSettings | None = None,
        bots: Mapping[str, Bot] | None = None,
        oldest: Agent | None = None,
    ) -> None:
        """`bots`: opponents of the checks, all of the game's where None. The same arguments give the same verdict."""
        super().__init__()
        self._game, self._seed, self._settings = game, seed, settings or GateSettings()
        self._candidate, self._champion = as_bot(candidate, encoder), as_bot(champion, encoder)
        self._bots = dict(game.bots if bots is None else bots)
        self._oldest = None if oldest is None else as_bot(oldest, encoder)
        self._test = SequentialTest(Bounds(min_pairs=self._settings.min_pairs, max_pairs=self._settings.max_pairs))
        self._battles: list[GateBattle] = []
        self._checks: list[Check] = []
        self._faults = BattleFaults()

    @property
    def pairs(self) -> int:
        """Pairs that the sequential test has counted so far."""
        return self._test.num_pairs

    def _judge(self) -> Generator[None, None, Verdict]:
        test, index = self._test, 0
        while test.accepted is None:
            pairs = yield from self._pairs("champion", index, {"candidate": self._candidate}, self._champion)
            index += 1
            if pairs is not None:
                test.add(pairs["candidate"])
        battles = [battle.record for battle in self._battles]
        against = f"{test.score:.0%} against the champion over {test.num_pairs} pairs{different_text(battles)}"
        if not test.accepted:
            why = "undecided" if test.undecided else "not better"
            return self._kept(f"{why}, {against}")
        for check in self._checks_to_make():
            self._checks.append((yield from check))
            if self._checks[-1].lost:
                return self._kept(f"{against}, but {_loss(self._checks[-1])}")
        others = f" and no loss against {len(self._checks)} others" if self._checks else ""
        return self._verdict(True, f"Promoted: {against}{others}.")

    def _checks_to_make(self) -> list[Generator[None, None, Check]]:
        checks = [self._against_bot(name, bot) for name, bot in self._bots.items()]
        if self._oldest is not None:
            checks.append(self._against_oldest(self._oldest))
        return checks

    def _against_bot(self, name: str, bot: Bot) -> Generator[None, None, Check]:
        """Candidate and champion against one bot on the same seeds."""
        both = {"candidate": self._candidate, "champion": self._champion}
        scores = yield from self._series(name, both, bot)
        return self._check(name, scores["candidate"], scores["champion"])

    def _against_oldest(self, oldest: Bot) -> Generator[None, None, Check]:
        """Candidate against the oldest kept champion, who must not win more than half: catches a cycle."""
        scores = yield from self._series("oldest", {"candidate": self._candidate}, oldest)
        return self._check("oldest", scores["candidate"], [0.5] * len(scores["candidate"]))

    def _series(
        self, opponent: str, players: Mapping[str, Bot], bot: Bot
    ) -> Generator[None, None, dict[str, list[float]]]:
        """The pair scores of each of `players` against `bot`, over as many seeds as the settings say."""
        scores: dict[str, list[float]] = {name: [] for name in players}
        index = 0
        while len(scores["candidate"]) < self._settings.bot_pairs:
            pairs = yield from self._pairs(opponent, index, players, bot)
            index += 1
            for name, score in (pairs or {}).items():
                scores[name].append(score)
        return scores

    def _pairs(
        self, opponent: str, index: int, players: Mapping[str, Bot], bot: Bot
    ) -> Generator[None, None, dict[str, float] | None]:
        """The `index`-th pair of each of `players` on one seed: their scores, or None where a battle was faulty."""
        seed, scores, battles = pair_seed(self._seed, index, opponent), dict[str, float](), list[GateBattle]()
        try:
            for name, player in players.items():
                for record in pair_turns(self._game, seed, player, bot, self._settings.max_turns):
                    if record is not None:
                        scores[name] = scores.get(name, 0.0) + record.score / 2
                        battles.append(GateBattle(name, opponent, record))
                    yield
        except FaultyBattleError as error:
            self._faults.count(error)
            return None
        self._faults.count_whole(len(battles))
        self._battles += battles
        return scores

    def _check(self, opponent: str, candidate: list[float], reference: list[float]) -> Check:
        num = len(candidate)
        p_value = chance_of_loss([ours - theirs for ours, theirs in zip(candidate, reference, strict=True)])
        alpha = self._settings.bot_alpha / (len(self._bots) + (self._oldest is not None))  # Bonferroni
        return Check(opponent, num, sum(candidate) / num, sum(reference) / num, p_value, p_value < alpha)

    def _kept(self, why: str) -> Verdict:
        return self._verdict(False, f"Kept the champion: {why}.")

    def _verdict(self, promote: bool, reason: str) -> Verdict:
        test, records = self._test, [battle.record for battle in self._battles if battle.opponent == "champion"]
        figures = {"different battles": count_different(records), "faulty battles": self._faults.num_faulty}
        faults = "" if self._faults.sentence in reason else f" {self._faults.sentence}."
        return Verdict(
            promote,
            reason + faults,
            test.num_pairs,
            test.score,
            test.interval,
            test.llr,
            tuple(self._checks),
            tuple(self._battles),
            self._seed,
            figures,
        )


def _loss(check: Check) -> str:
    opponent = "the oldest champion" if check.opponent == "oldest" else check.opponent
    return f"{check.candidate:.0%} against {opponent} where {check.reference:.0%} is due"
