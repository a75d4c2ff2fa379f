"""The gate: whether a candidate may replace the champion, found out a few turns at a time.

With headless battles: candidate against champion in side-swapped pairs under a sequential test. Where nobody can beat
the champion (rock, paper, scissors: every strategy draws with one that draws by lot, and only against others are some
better) a candidate passes that is no worse head to head and leads on the bots under the same test. One that passes must
then show no significant loss against the bots, compared with the champion on the same seeds, and against the oldest
kept champion. Without them: held_out_judge.py. Undecided keeps the champion. The trainer's thread owns a judge; nothing
here reads a clock or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from cornerman.contract import Bot, HeadlessGame
from cornerman.evaluation.arena import TRIES, BattleRecord, Rotations, mean_score, pair_seed, rotation_turns
from cornerman.evaluation.faults import BattleFaults, FaultyBattleError
from cornerman.evaluation.headless import Agent, Encoding, as_bot
from cornerman.evaluation.significance import Bounds, SequentialTest, chance_of_loss
from cornerman.evaluation.verdict import Check, GateBattle, SlicedJudge, Verdict
from cornerman.experience.declaration import declaration_of

Scores = dict[str, float]
"""Of the candidate, and of the champion where it is played beside it, in one rotation; and under `DECIDED` the mean
square of their battles' distance from a draw."""
DECIDED = "decided"

LEAD_SHARE, LEAD_BETA = 0.2, 0.5
"""The lead on the bots is tested with this share of alpha, and with a large beta: it is soon given up."""
LEAD_MIN, LEAD_MAX = 8, 100
LEAD_INDEX = 1_000_000
"""Of its first rotation: other seeds than those of the checks."""


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How strict the gate is."""

    min_pairs: int = 20
    max_pairs: int = 200
    bot_pairs: int = 30  # pairs that candidate and champion each play against every bot, on the same seeds
    bot_alpha: float = 0.02  # how often a candidate that lost nothing may be refused, all these checks together


class Judge(Protocol):
    """Decides between the candidate and the champion, a slice at a time."""

    @property
    def verdict(self) -> Verdict | None: ...
    @property
    def pairs(self) -> int: ...
    def advance(self, budget: Callable[[], bool]) -> Verdict | None: ...


class Gate(SlicedJudge):
    """Judges by headless battles; a turn is one decision of any seat.

    With two sides that are alike, candidate and champion meet in side-swapped pairs. Otherwise either plays in every
    seat that the plugin may take, on the same seeds against the same others (the champion where the plugin may sit, the
    bots in turn elsewhere), and the score of a pair is 1/2 plus the difference. A pair with a faulty battle is left out
    and said, and another one is played; so is one that repeats earlier battles. Where most battles are faulty the
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
        self._declared = declaration_of(game)
        self._candidate, self._champion = as_bot(candidate, encoder), as_bot(champion, encoder)
        self._bots = dict(game.bots if bots is None else bots)
        self._oldest = None if oldest is None else as_bot(oldest, encoder)
        self._test = SequentialTest(Bounds(min_pairs=self._settings.min_pairs, max_pairs=self._settings.max_pairs))
        self._battles: list[GateBattle] = []
        self._checks: list[Check] = []
        self._faults = BattleFaults()
        self._rotations = Rotations[list[GateBattle]](self._opens)  # of candidate and champion

    @property
    def _opens(self) -> bool:
        """Whether battles begin with random actions of ours."""
        return self._declared.random_opening > 0

    @property
    def pairs(self) -> int:
        """Pairs that the sequential test has counted so far."""
        return self._test.num_pairs

    def _judge(self) -> Generator[None, None, Verdict]:
        test, index = self._test, 0
        while test.accepted is None and index < TRIES * self._settings.max_pairs:
            for scores in (yield from self._rotation("champion", index, self._champion, self._rotations)):
                _count(test, scores)
            index += 1
        against = self._against()
        if not test.accepted:
            lead = (yield from self._lead()) if test.no_worse and self._bots else None
            if lead is None or not lead.accepted:
                why = "not better" if test.accepted is False and not test.undecided else "undecided"
                return self._kept(f"{why}, {against}")
            points, num = 100 * (lead.score - 0.5), lead.num_pairs
            against += f", and {points:.0f} points more than the champion has against the bots over {num} pairs"
        for check in self._checks_to_make():
            self._checks.append((yield from check))
            if self._checks[-1].lost:
                return self._kept(f"{against}, but {_loss(self._checks[-1])}")
        others = f" and no loss against {len(self._checks)} others" if self._checks else ""
        return self._verdict(True, f"Promoted: {against}{others}.")

    def _lead(self) -> Generator[None, None, SequentialTest]:
        """The same test on how much more the candidate has against the bots in turn than the champion on the same
        seeds."""
        bounds, bots = self._test.bounds, list(self._bots.items())
        strict = replace(
            bounds, alpha=LEAD_SHARE * bounds.alpha, beta=LEAD_BETA, min_pairs=LEAD_MIN, max_pairs=LEAD_MAX
        )
        test, seen = SequentialTest(strict), [Rotations[list[GateBattle]](self._opens) for _ in bots]
        for index in range(TRIES * LEAD_MAX):
            if test.accepted is not None:
                break
            at = index % len(bots)
            for scores in (yield from self._rotation(bots[at][0], LEAD_INDEX + index, bots[at][1], seen[at])):
                _count(test, scores)
        return test

    def _against(self) -> str:
        """How candidate and champion fared, for a sentence."""
        ours, theirs = (self._records(name, "champion") for name in ("candidate", "champion"))
        score = f"{mean_score(ours):.0%} where the champion has {mean_score(theirs):.0%}" if theirs else ""
        score = score or f"{self._test.score:.0%} against the champion"
        cut = sum(record.truncated for record in ours + theirs)
        repeated = self._rotations.num_repeated
        left_out = f", {repeated} more pairs repeated them" if repeated else ""
        if repeated and not self._declared.random_opening:
            left_out += " (declare the game's random_opening)"
        return f"{score} over {self._test.num_pairs} pairs{left_out}" + (f", {cut} battles cut off" if cut else "")

    def _records(self, player: str, opponent: str) -> list[BattleRecord]:
        return [battle.record for battle in self._battles if (battle.player, battle.opponent) == (player, opponent)]

    def _checks_to_make(self) -> list[Generator[None, None, Check]]:
        others = {**self._bots, **({} if self._oldest is None else {"oldest": self._oldest})}
        return [self._compare(name, bot) for name, bot in others.items()]

    def _compare(self, opponent: str, bot: Bot) -> Generator[None, None, Check]:
        """Candidate and champion against one other on the same seeds; against the oldest kept champion, with seats that
        are alike, the candidate alone, who must not win less than half: catches a cycle."""
        found, index = list[Scores](), 0
        rotations = Rotations[list[GateBattle]](self._opens)
        while len(found) < self._settings.bot_pairs and index < TRIES * self._settings.bot_pairs:
            found += yield from self._rotation(opponent, index, bot, rotations)
            index += 1
        candidate = [scores["candidate"] for scores in found]
        reference = [scores.get("champion", 0.5) for scores in found]
        p_value = chance_of_loss([ours - theirs for ours, theirs in zip(candidate, reference, strict=True)])
        alpha = self._settings.bot_alpha / (len(self._bots) + (self._oldest is not None))  # Bonferroni
        num = max(1, len(found))
        return Check(opponent, len(found), sum(candidate) / num, sum(reference) / num, p_value, p_value < alpha)

    def _rotation(
        self, opponent: str, index: int, bot: Bot, rotations: Rotations[list[GateBattle]]
    ) -> Generator[None, None, list[Scores]]:
        """The `index`-th rotation of either player against `bot`: the scores that count from now on."""
        seed, battles = pair_seed(self._seed, index, opponent), list[GateBattle]()
        players = {"candidate": self._candidate}
        if not self._declared.even or opponent not in ("champion", "oldest"):
            players["champion"] = self._champion
        try:
            for name, player in players.items():
                others = self._others(opponent, bot, index)
                for record in rotation_turns(self._game, seed, player, others, self._declared):
                    if record is not None:
                        battles.append(GateBattle(name, opponent, record))
                    yield
        except FaultyBattleError as error:
            self._faults.count(error)
            return []
        self._faults.count_whole(len(battles))
        counted = rotations.add(battles, [(battle.player, battle.record) for battle in battles])
        self._battles += [battle for rotation in counted for battle in rotation]
        return [
            {name: mean_score([each.record for each in rotation if each.player == name]) for name in players}
            | {DECIDED: sum((each.record.score - 0.5) ** 2 for each in rotation) / len(rotation)}
            for rotation in counted
        ]

    def _others(self, opponent: str, bot: Bot, index: int) -> list[Bot]:
        """Who sits in the seats beside a player, by seat."""
        bots, declared = list(self._bots.values()), self._declared
        elsewhere = bots[index % len(bots)] if bots and opponent in ("champion", "oldest") else bot
        return [bot if seat in declared.plugin_seats else elsewhere for seat in range(declared.num_seats)]

    def _kept(self, why: str) -> Verdict:
        return self._verdict(False, f"Kept the champion: {why}.")

    def _verdict(self, promote: bool, reason: str) -> Verdict:
        test, faults = self._test, "" if self._faults.sentence in reason else f" {self._faults.sentence}."
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
            self._figures(),
        )

    def _figures(self) -> dict[str, float]:
        """What did not count, and where seats are unlike the scores in every role."""
        battles = self._records("candidate", "champion") + self._records("champion", "champion")
        figures: dict[str, float] = {
            "repeated pairs": self._rotations.num_repeated,
            "battles cut off": sum(record.truncated for record in battles),
            "faulty battles": self._faults.num_faulty,
        }
        for name in () if self._declared.even else ("candidate", "champion"):
            for seat, *_ in self._declared.teams:
                role = [record for record in self._records(name, "champion") if record.seat == seat]
                figures[f"{name} in seat {seat}"] = round(mean_score(role), 6)
        return figures


def _count(test: SequentialTest, scores: Scores) -> None:
    """Count a rotation: the candidate's score, or where the champion is played beside it 1/2 and how much more."""
    ours, theirs = scores["candidate"], scores.get("champion")
    test.add(ours if theirs is None else 0.5 + ours - theirs, scores[DECIDED])


def _loss(check: Check) -> str:
    opponent = "the oldest champion" if check.opponent == "oldest" else check.opponent
    return f"{check.candidate:.0%} against {opponent} where {check.reference:.0%} is due"
