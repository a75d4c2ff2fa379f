"""The gate: whether a candidate may replace the champion, found out a few turns at a time.

With headless battles: candidate against champion in side-swapped pairs under a sequential test; one that passes must
then show no significant loss against the scripted bots, compared with the champion on the same seeds, and against the
oldest kept champion. Without them: by how well either estimates the outcomes of recorded battles that were not learned
from. Undecided keeps the champion. The trainer's thread owns a judge; nothing here reads a clock or a file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cornerman.contract import Bot, CornermanError, HeadlessGame
from cornerman.evaluation.arena import MAX_TURNS, BattleRecord, Encoding, Player, as_fighter, pair_seed, pair_turns
from cornerman.evaluation.significance import Bounds, SequentialTest, chance_of_loss
from cornerman.experience.held_out import HeldOutBattle
from cornerman.policy.policy import Policy

log = logging.getLogger("cornerman")

MIN_HELD_OUT = 12
"""Held-out battles below which nothing is decided: the exact test cannot reach its level with fewer than five, and
twelve leave room for ties."""
HELD_OUT_ALPHA = 0.05
FEWEST_ACTIONS = 1.2
"""Effective number of actions (the exponential of the entropy) below which play has collapsed to one."""


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How strict the gate is."""

    min_pairs: int = 20
    max_pairs: int = 200
    bot_pairs: int = 30  # pairs that candidate and champion each play against every bot, on the same seeds
    bot_alpha: float = 0.02  # how often a candidate that lost nothing may be refused, all these checks together
    max_turns: int = MAX_TURNS


@dataclass(frozen=True, slots=True)
class GateBattle:
    """One battle that counted, enough to play it again."""

    player: str  # "candidate" or "champion"
    opponent: str  # "champion", "oldest" or the name of a bot
    record: BattleRecord


@dataclass(frozen=True, slots=True)
class Check:
    """The candidate against one other opponent, compared with what the champion achieved."""

    opponent: str
    pairs: int
    candidate: float  # scores
    reference: float
    p_value: float  # chance of so large a loss by luck
    lost: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge found; `reason` is a sentence for the player."""

    promote: bool
    reason: str
    pairs: int = 0
    score: float = 0.5
    interval: tuple[float, float] = (0.0, 1.0)
    llr: float = 0.0
    checks: tuple[Check, ...] = ()
    battles: tuple[GateBattle, ...] = ()
    seed: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a manifest; battles are rows of player, opponent, seed, seat, score, rounds."""
        return {
            "promote": self.promote,
            "reason": self.reason,
            "pairs": self.pairs,
            "score": round(self.score, 6),
            "interval": [round(bound, 6) for bound in self.interval],
            "llr": round(self.llr, 6),
            "seed": self.seed,
            "figures": dict(self.figures),
            "checks": [
                {
                    "opponent": check.opponent,
                    "pairs": check.pairs,
                    "candidate": check.candidate,
                    "reference": check.reference,
                    "p_value": check.p_value,
                    "lost": check.lost,
                }
                for check in self.checks
            ],
            "battles": [
                [b.player, b.opponent, b.record.seed, b.record.seat, b.record.score, b.record.rounds]
                for b in self.battles
            ],
        }


def verdict_of(data: Mapping[str, Any]) -> Verdict:
    """A verdict from its plain data, for the history; turns and truncations, which are not in it, are 0 and False."""
    battles = (
        GateBattle(player, opponent, BattleRecord(seed, seat, score, rounds, 0, False))
        for player, opponent, seed, seat, score, rounds in data["battles"]
    )
    checks = tuple(Check(**check) for check in data["checks"])
    given = {**data, "interval": tuple(data["interval"]), "checks": checks, "battles": tuple(battles)}
    return Verdict(**given)


class _Sliced:
    """A judgement that is made in slices: call `advance` until `verdict` is there."""

    def __init__(self) -> None:
        self.verdict: Verdict | None = None
        self._run = self._judge()

    def advance(self, budget: Callable[[], bool] | int) -> Verdict | None:
        """Play turns while `budget()` is true, or at most `budget` turns; returns the verdict once there is one.

        `budget` is asked before every turn, so this returns at most one decision of either fighter after it turned
        false. What the game's own code raises in a headless battle ends in a verdict that keeps the champion.
        """
        turns = 0
        while self.verdict is None and (turns < budget if isinstance(budget, int) else budget()):
            turns += 1
            try:
                next(self._run)
            except StopIteration as end:
                self.verdict = end.value
            except CornermanError as error:
                self.verdict = self._kept(f"it could not be judged ({error})")
            except Exception as error:  # a game's rules or a bot may raise anything; the running game must go on
                log.exception("judging a candidate failed")
                self.verdict = self._kept(f"judging it failed ({type(error).__name__}: {error})")
        return self.verdict

    def _judge(self) -> Generator[None, None, Verdict]:
        raise NotImplementedError

    def _kept(self, why: str) -> Verdict:
        return Verdict(False, f"Kept the champion: {why}.")


class Gate(_Sliced):
    """Judges by headless battles; a turn is one decision of either fighter."""

    def __init__(
        self,
        candidate: Player,
        champion: Player,
        game: HeadlessGame,
        encoder: Encoding,
        seed: int,
        settings: GateSettings | None = None,
        bots: Mapping[str, Bot] | None = None,
        oldest: Player | None = None,
    ) -> None:
        """`bots`: whom not to lose to, all of the game's where None. The same arguments give the same verdict."""
        super().__init__()
        self._game, self._seed, self._settings = game, seed, settings or GateSettings()
        self._candidate, self._champion = as_fighter(candidate, encoder), as_fighter(champion, encoder)
        self._bots = dict(game.bots if bots is None else bots)
        self._oldest = None if oldest is None else as_fighter(oldest, encoder)
        self._test = SequentialTest(Bounds(min_pairs=self._settings.min_pairs, max_pairs=self._settings.max_pairs))
        self._battles: list[GateBattle] = []
        self._checks: list[Check] = []
        self.stage = "champion"

    @property
    def pairs(self) -> int:
        """Pairs that the sequential test has counted so far."""
        return self._test.num_pairs

    def progress(self) -> dict[str, Any]:
        """What is known so far, for the menu."""
        return {
            "stage": self.stage,
            "pairs": self._test.num_pairs,
            "max_pairs": self._settings.max_pairs,
            "score": self._test.score,
            "llr": self._test.llr,
        }

    # ------------------------------------------------------------------------------------- the run, a turn at a time

    def _judge(self) -> Generator[None, None, Verdict]:
        test = self._test
        while test.accepted is None:
            seed = pair_seed(self._seed, test.num_pairs, "champion")
            test.add((yield from self._pair("candidate", "champion", seed, self._candidate, self._champion)))
        against = f"{test.score:.0%} against the champion over {test.num_pairs} pairs"
        if not test.accepted:
            why = "undecided" if test.undecided else "not better"
            return self._verdict(False, f"Kept the champion: {why}, {against}.")
        for check in self._checks_to_make():
            self._checks.append((yield from check))
            if self._checks[-1].lost:
                return self._verdict(False, f"Kept the champion: {against}, but {_loss(self._checks[-1])}.")
        others = f" and no loss against {len(self._checks)} others" if self._checks else ""
        return self._verdict(True, f"Promoted: {against}{others}.")

    def _checks_to_make(self) -> list[Generator[None, None, Check]]:
        checks = [self._against_bot(name, bot) for name, bot in self._bots.items()]
        if self._oldest is not None:
            checks.append(self._against_oldest(self._oldest))
        return checks

    def _against_bot(self, name: str, bot: Bot) -> Generator[None, None, Check]:
        """Candidate and champion against one bot on the same seeds."""
        self.stage = name
        candidate, champion = [], []
        for index in range(self._settings.bot_pairs):
            seed = pair_seed(self._seed, index, name)
            candidate.append((yield from self._pair("candidate", name, seed, self._candidate, bot)))
            champion.append((yield from self._pair("champion", name, seed, self._champion, bot)))
        return self._check(name, candidate, champion)

    def _against_oldest(self, oldest: Bot) -> Generator[None, None, Check]:
        """Candidate against the oldest kept champion, who must not win more than half: catches a cycle."""
        self.stage = "oldest"
        scores = []
        for index in range(self._settings.bot_pairs):
            seed = pair_seed(self._seed, index, "oldest")
            scores.append((yield from self._pair("candidate", "oldest", seed, self._candidate, oldest)))
        return self._check("oldest", scores, [0.5] * len(scores))

    def _pair(self, player: str, opponent: str, seed: int, fighter: Bot, bot: Bot) -> Generator[None, None, float]:
        scores = []
        for record in pair_turns(self._game, seed, fighter, bot, self._settings.max_turns):
            if record is not None:
                scores.append(record.score)
                self._battles.append(GateBattle(player, opponent, record))
            yield
        return sum(scores) / 2

    def _check(self, opponent: str, candidate: list[float], reference: list[float]) -> Check:
        num = len(candidate)
        p_value = chance_of_loss([ours - theirs for ours, theirs in zip(candidate, reference, strict=True)])
        alpha = self._settings.bot_alpha / (len(self._bots) + (self._oldest is not None))  # Bonferroni
        return Check(opponent, num, sum(candidate) / num, sum(reference) / num, p_value, p_value < alpha)

    def _kept(self, why: str) -> Verdict:
        return self._verdict(False, f"Kept the champion: {why}.")

    def _verdict(self, promote: bool, reason: str) -> Verdict:
        test = self._test
        return Verdict(
            promote,
            reason,
            test.num_pairs,
            test.score,
            test.interval,
            test.llr,
            tuple(self._checks),
            tuple(self._battles),
            self._seed,
        )


def _loss(check: Check) -> str:
    whom = "the oldest champion" if check.opponent == "oldest" else check.opponent
    return f"{check.candidate:.0%} against {whom} where {check.reference:.0%} is due"


class HeldOutJudge(_Sliced):
    """Judges by recorded battles that were kept out of learning, for games that offer no headless ones.

    It tells which of two value estimates fits better, not which of two fighters wins more: a candidate that passes is
    on probation until live battles have shown that it is no worse.
    """

    def __init__(self, candidate: Policy, champion: Policy, battles: Sequence[HeldOutBattle]) -> None:
        super().__init__()
        self._candidate, self._champion = candidate, champion
        self._battles = list(battles)
        self._gains: dict[str, list[float]] = {"error": [], "accuracy": [], "agreement": []}
        self._means: dict[str, list[float]] = {}
        self._taken: dict[str, list[int]] = {"candidate": [], "champion": [], "recorded": []}

    @property
    def pairs(self) -> int:
        """Battles looked at so far."""
        return len(self._gains["error"])

    def _judge(self) -> Generator[None, None, Verdict]:
        if len(self._battles) < MIN_HELD_OUT:
            return self._kept(
                f"{len(self._battles)} held-out battles are too few to judge by, {MIN_HELD_OUT} are needed"
            )
        for battle in self._battles:
            self._compare(battle)
            yield
        better = chance_of_loss([-gain for gain in self._gains["error"]])
        worse = {name: chance_of_loss(self._gains[name]) for name in ("accuracy", "agreement")}
        variety = {who: _effective_number(actions) for who, actions in self._taken.items()}
        figures = {name: float(np.mean(values)) for name, values in self._means.items()}
        figures |= {"chance by luck": better} | {f"variety {who}": number for who, number in variety.items()}
        why = self._objection(better, worse, variety)
        error = f"error of the estimate {figures['error candidate']:.3f} after {figures['error champion']:.3f}"
        over = f"over {self.pairs} held-out battles"
        reason = f"Kept the champion: {why}, {error} {over}." if why else f"Promoted on probation: {error} {over}."
        return Verdict(why is None, reason, self.pairs, figures=figures)

    def _compare(self, battle: HeldOutBattle) -> None:
        """Add one battle's paired figures; each battle counts once, however long it was."""
        for who, policy in (("candidate", self._candidate), ("champion", self._champion)):
            values = np.where(battle.action_mask, policy.q_values_batch(battle.observation), -np.inf)
            estimate, greedy = values.max(1), values.argmax(1)
            decided, won = battle.outcome != 0, battle.outcome > 0
            right = np.sign(estimate[decided]) == battle.outcome[decided]
            same = greedy[won] == battle.action[won]
            error = float(np.mean((estimate - battle.discounted_return) ** 2))
            self._means.setdefault(f"error {who}", []).append(error)
            self._means.setdefault(f"accuracy {who}", []).append(float(right.mean()) if right.size else 0.5)
            self._means.setdefault(f"agreement {who}", []).append(float(same.mean()) if same.size else 0.5)
            open_choice = battle.action_mask.sum(1) > 1
            self._taken[who] += greedy[open_choice].tolist()
        self._taken["recorded"] += battle.action[battle.action_mask.sum(1) > 1].tolist()
        for name, gains in self._gains.items():
            gain = self._means[f"{name} candidate"][-1] - self._means[f"{name} champion"][-1]
            gains.append(-gain if name == "error" else gain)

    def _objection(self, better: float, worse: Mapping[str, float], variety: Mapping[str, float]) -> str | None:
        """Why the champion stays, or None."""
        usual = min(variety["champion"], variety["recorded"])
        if variety["candidate"] < max(FEWEST_ACTIONS, 0.5 * usual) and variety["recorded"] >= FEWEST_ACTIONS:
            return f"its play collapsed to {variety['candidate']:.1f} actions where {usual:.1f} are usual"
        for name, p_value in worse.items():
            if p_value < HELD_OUT_ALPHA:
                return f"its {name} fell"
        return None if better < HELD_OUT_ALPHA else "no surely better estimate"


def _effective_number(actions: Sequence[int]) -> float:
    """The exponential of the entropy of how often each action was taken: 1 when it is always the same one."""
    if not actions:
        return 0.0
    shares = np.bincount(actions) / len(actions)
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))
