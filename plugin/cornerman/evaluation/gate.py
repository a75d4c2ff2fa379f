"""The gate: whether a candidate may replace the champion, found out a few turns at a time.

With headless battles: candidate against champion in side-swapped pairs under a sequential test, whose error rate
shrinks with every candidate that this champion has turned down. Where nobody can beat the champion (rock, paper,
scissors: every strategy draws with one that draws by lot, and only against others are some better) a candidate passes
that is no worse head to head and leads on the bots under the same test. One that passes must then be no worse against
each bot and the oldest kept champion than the best that any champion kept has reached against them (checks.py). Without
such battles: live/trials.py. Undecided keeps the champion. The trainer's thread owns a judge; nothing here reads a
clock or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import astuple, dataclass, field, replace

from cornerman.contract import Bot, ContractError, HeadlessGame
from cornerman.evaluation.arena import TRIES, BattleRecord, Rotations, mean_score, pair_seed, rotation_turns
from cornerman.evaluation.checks import ON_RECORD, Checks, Opponent, Series
from cornerman.evaluation.faults import BattleFaults, FaultyBattleError
from cornerman.evaluation.headless import Agent, as_bot
from cornerman.evaluation.significance import Bounds, Sample, SequentialTest, best_of, lost
from cornerman.evaluation.verdict import SEVERAL, Bar, Check, GateBattle, Measured, Verdict
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder

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
    check_battles: int = 200  # at most, of a candidate against every bot and against the oldest champion
    batched_battles: int = 4096  # the same where many battles are played at once
    bar: Bar = field(default_factory=Bar)


class Gate:
    """Judges by headless battles, in slices: call `advance` until `verdict` is there; a turn is a decision of any seat.

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
        encoder: Encoder,
        seed: int,
        settings: GateSettings | None = None,
        bots: Mapping[str, Bot] | None = None,
        oldest: Agent | None = None,
    ) -> None:
        """`bots`: opponents of the checks, all of the game's where None. The same arguments give the same verdict."""
        self.verdict: Verdict | None = None
        self._run = self._judge()
        self._game, self._seed, self._settings = game, seed, settings or GateSettings()
        self._declared = declaration_of(game)
        self._candidate, self._champion, self._oldest = candidate, champion, oldest
        self._seated = {"candidate": as_bot(candidate, encoder), "champion": as_bot(champion, encoder)}
        self._bots = dict(game.bots if bots is None else bots)
        bounds = self._settings.min_pairs, self._settings.max_pairs
        self._test = SequentialTest(Bounds.after(self._settings.bar.turned_down, *bounds))
        self._battles: list[GateBattle] = []
        self._checks: list[Check] = []
        self._measured: list[Measured] = []
        self._faults = BattleFaults()
        self._table = Checks(game, encoder, seed, self._faults)
        self._rotations = Rotations[list[GateBattle]](self._opens)  # of candidate and champion

    @property
    def _opens(self) -> bool:
        """Whether battles begin with random actions of ours."""
        return self._declared.random_opening > 0

    @property
    def pairs(self) -> int:
        """Pairs that the sequential test has counted so far."""
        return self._test.num_pairs

    def advance(self, budget: Callable[[], bool] | int) -> Verdict | None:
        """Play turns while `budget()` is true, or at most `budget` turns; returns the verdict once there is one.

        `budget` is asked before every turn, so this returns at most one decision after it turned false. A game whose
        contract is broken in most battles gets a verdict that keeps the champion and says why.
        """
        turns = 0
        while self.verdict is None and (turns < budget if isinstance(budget, int) else budget()):
            turns += 1
            try:
                next(self._run)
            except StopIteration as end:
                self.verdict = end.value
            except ContractError as error:
                self.verdict = self._kept(f"it could not be judged ({error})")
        return self.verdict

    def _judge(self) -> Generator[None, None, Verdict]:
        test, index = self._test, 0
        while test.accepted is None and index < TRIES * test.bounds.max_pairs:
            for scores in (yield from self._rotation("champion", index, self._seated["champion"], self._rotations)):
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
        for opponent in self._opponents():
            check = yield from self._check(opponent)
            self._checks.append(check)
            if check.lost:
                return self._kept(f"{against}, but {_loss(check)}")
        battles = sum(check.battles for check in self._checks)
        others = f" and no loss against {len(self._checks)} others in {battles:,} battles" if self._checks else ""
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

    def _opponents(self) -> list[Opponent]:
        """Whom candidates are checked against: those who can play many battles at once first, as they cost little."""
        apart = len(self._declared.plugin_seats) < self._declared.num_seats
        others = [Opponent(name, bot) for name, bot in self._bots.items()]
        if self._oldest is not None:
            others.append(Opponent("oldest", self._oldest, tuple(self._bots.values()) if apart else ()))
        return sorted(others, key=lambda other: not self._table.in_batches(self._candidate, other))

    def _most(self, player: Agent, opponent: Opponent) -> int:
        """How many battles a player has in a check, at most."""
        at_once = self._table.in_batches(player, opponent)
        return self._settings.batched_battles if at_once else self._settings.check_battles

    def _check(self, opponent: Opponent) -> Generator[None, None, Check]:
        """The candidate against one other, compared with the champions so far: catches a cycle, and losses that would
        add up over promotions.

        A champion's own result is measured when its first candidate comes here: the battles that it was promoted by
        were lucky, if anything, and would raise the bar with every promotion.
        """
        table, settings = self._table, self._settings
        code = yield from table.code(opponent)
        known = [each for each in settings.bar.measured if (each.opponent, each.code) == (opponent.name, code)]
        if not any(each.player == "champion" for each in known):
            most = self._most(self._champion, opponent)
            series = yield from table.play(self._champion, opponent, most, lambda sample: False)
            self._note("champion", opponent, series)
            known.append(Measured("champion", opponent.name, code, *astuple(series.sample)))
            self._measured.append(known[-1])
        best = best_of([Sample(each.battles, each.score, each.decided) for each in known])
        most = self._most(self._candidate, opponent)
        series = yield from table.play(
            self._candidate, opponent, most, lambda sample: lost(sample, best, most) is not None
        )
        self._note("candidate", opponent, series)
        num, score = series.sample.battles, series.sample.score
        worse = not num or bool(lost(series.sample, best, num))
        return Check(opponent.name, num, series.repeated, score, best.score, best.battles, worse)

    def _note(self, player: str, opponent: Opponent, series: Series) -> None:
        """Take some battles of a check into the verdict."""
        self._battles += [GateBattle(player, opponent.name, record) for record in series.records[:ON_RECORD]]

    def _rotation(
        self, opponent: str, index: int, bot: Bot, rotations: Rotations[list[GateBattle]]
    ) -> Generator[None, None, list[Scores]]:
        """The `index`-th rotation of either player against `bot`: the scores that count from now on."""
        seed, battles = pair_seed(self._seed, index, opponent), list[GateBattle]()
        alone = self._declared.even and opponent == "champion"
        players = ["candidate"] if alone else ["candidate", "champion"]
        declared = replace(self._declared, random_opening=self._declared.random_opening + rotations.longer)
        try:
            for name in players:
                player, others = self._seated[name], self._others(opponent, bot, index)
                for record in rotation_turns(self._game, seed, player, others, declared):
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
        elsewhere = bots[index % len(bots)] if bots and opponent == "champion" else bot
        return [bot if seat in declared.plugin_seats else elsewhere for seat in range(declared.num_seats)]

    def _kept(self, why: str) -> Verdict:
        return self._verdict(False, f"Kept the champion: {why}.")

    def _verdict(self, promote: bool, reason: str) -> Verdict:
        test, faults = self._test, "" if self._faults.sentence in reason else f" {self._faults.sentence}."
        return Verdict(
            promote,
            reason + faults,
            test.num_pairs,
            min(max(test.score, 0.0), 1.0),  # 1/2 and a difference may be more
            test.interval,
            test.llr,
            tuple(self._checks),
            self._on_record(),
            self._seed,
            self._figures(),
            tuple(self._measured),
        )

    def _on_record(self) -> tuple[GateBattle, ...]:
        """The battles with who really played them: what a bot did in the champion's place is that bot's result, and
        where more than two sides meet nobody alone was the opponent."""
        bot = next((name for name, bot in self._bots.items() if bot is self._champion), "champion")
        pair = len(self._declared.teams) == 2 and self._declared.num_seats == len(self._declared.plugin_seats)
        players = {"champion": bot}
        opponents = players if pair else dict.fromkeys(("champion", "oldest"), SEVERAL)
        return tuple(
            GateBattle(players.get(each.player, each.player), opponents.get(each.opponent, each.opponent), each.record)
            for each in self._battles
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
    if not check.battles:
        return f"no battle against {opponent} could be played"
    reached = f"where {check.best:.1%} in {check.best_battles:,} was reached"
    return f"{check.candidate:.1%} in {check.battles:,} battles against {opponent} {reached}"
