"""Candidates: policies judged one at a time against the champion, and promoted where the verdict says so.

Live and bulk training share this; the thread that learns owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from cornerman.contract import CANDIDATE, ModelError
from cornerman.evaluation.live.results import LiveResult
from cornerman.evaluation.live.trials import LiveTrials
from cornerman.evaluation.verdict import Bar, Verdict, verdict_of
from cornerman.models.champions import Champions
from cornerman.models.manifest import Provenance
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import Trial
from cornerman.selfplay.orders import Order, judging
from cornerman.settings import Settings
from cornerman.training.metrics import Metrics

TURNS = 256
"""Turns of judging in one order to a worker that practises too."""


class BattleJudge:
    """Judge by headless battles, which a worker plays."""

    def __init__(
        self,
        candidate: Policy,
        champions: Sequence[Policy] | str,
        settings: Settings,
        seed: int,
        bar: Bar,
        turns: int | None = TURNS,
    ) -> None:
        """`champions`: oldest first; the candidate meets the newest and, to catch a cycle, the oldest. Or the name of
        the bot that is the game's own fighter.

        `turns` of one order; None: one order is the whole judgement.
        """
        self._order: Order = judging(candidate, champions, settings, seed, turns, bar)
        self._verdict: Verdict | None = None
        self.pairs = 0

    def order(self) -> Order | None:
        """What the worker has to do next; None once there is a verdict."""
        return self._order if self._verdict is None else None

    def take(self, notes: Mapping[str, Any]) -> None:
        """Take the answer to the order; one about a candidate that was dropped is ignored."""
        if notes["judged"] != self._order[1]["seed"]:
            return
        self.pairs = int(notes["pairs"])
        self._verdict = None if notes["verdict"] is None else verdict_of(notes["verdict"])

    def advance(self) -> Verdict | None:
        """The verdict, once there is one."""
        return self._verdict


Judge: TypeAlias = BattleJudge | LiveTrials
"""Decides between one candidate and the champion, by battles that are played elsewhere."""


class Candidates:
    """One candidate at a time before the judge; the next is due after `candidate_period` more learning steps."""

    def __init__(
        self,
        champions: Champions,
        new_judge: Callable[[Policy, int], BattleJudge],
        settings: Settings,
        metrics: Metrics,
        tell: Callable[[str], None],
        headless: Callable[[], bool] = lambda: True,
    ) -> None:
        """`new_judge` makes the judge of a candidate, given that and its number, which decides the battles.

        `tell` takes messages about promotions. `headless` says whether there are headless battles to judge by; if not,
        candidates are tried in live ones (`trials`).
        """
        self.champions, self._new_judge, self._metrics, self._tell = champions, new_judge, metrics, tell
        self._period, self._kept_versions = settings.candidate_period, settings.kept_versions
        self.headless, self.trials = headless, LiveTrials(lambda: champions.bar().turned_down)
        self.number = 0
        """Candidates so far, earlier sessions included."""
        self.steps = 0
        """Learning steps when the last one was made."""
        self._judging: tuple[Policy, Provenance, Judge] | None = None

    @property
    def candidate(self) -> Policy | None:
        return None if self._judging is None else self._judging[0]

    @property
    def judging(self) -> bool:
        return self._judging is not None

    def steps_to_next(self, steps: int) -> int:
        """Learning steps until the next one is due, after `steps` in all."""
        return max(0, self.steps + self._period - steps)

    def due(self, steps: int) -> bool:
        """Whether to make the next one, by the learning steps so far."""
        return not self.judging and not self.steps_to_next(steps)

    def trial_due(self) -> bool:
        """Whether to try the next one in live battles; where not, the metrics say what is missing."""
        if self.judging:
            return False
        waits = self.trials.waits_for()
        self._metrics.wait_for(waits)
        return not waits

    def begin(self, candidate: Policy, provenance: Provenance) -> None:
        """Put a candidate before a judge of its own; `provenance` is what it will be stored with."""
        self.number += 1
        self.steps = provenance.learning_steps
        if self.headless():
            self._judging = candidate, provenance, self._new_judge(candidate, self.number)
            return
        self._judging = candidate, provenance, self.trials.begin()
        self._try_out()
        self._tell(f"Candidate {self.number} plays some of the next battles, to see whether it is better.")

    def go_on_trial(self, candidate: Policy, provenance: Provenance) -> None:
        """Let these weights go on where a candidate is on trial in live battles."""
        if self.trials.running:
            self._judging = candidate, provenance, self.trials
            self._try_out()

    def trials_so_far(self) -> dict[str, Any]:
        """Plain data for a checkpoint: the live trials, and which champion they are against."""
        return {**self.trials.state(), "champion": self.champions.slot.champion.version}

    def restore_trials(self, state: Mapping[str, Any]) -> None:
        """Go on from `trials_so_far()`; ModelError where it is none."""
        self.trials.restore(state, state.get("champion") == self.champions.slot.champion.version)

    def _try_out(self) -> None:
        """Put the candidate on trial into the slot, with its share of the next battles."""
        if self._judging is not None and self.trials.running:
            candidate = self._judging[0]
            policy = Policy(candidate.spec, candidate.flat, CANDIDATE)
            self.champions.try_out(Trial(policy, self.trials.share, self.number))
            self._metrics.set(gate_state="on trial", gate_pairs=self.trials.pairs, gate_waits="")

    def advance(self) -> bool:
        """Use the verdict, if there is one; True where it promoted the candidate."""
        assert self._judging is not None
        candidate, provenance, judge = self._judging
        pairs = judge.pairs
        verdict = judge.advance()
        self._count_pairs(judge, pairs)
        if verdict is None:
            return False
        self._judging = None
        return self.decide(candidate, provenance, verdict)

    def decide(self, candidate: Policy, provenance: Provenance, verdict: Verdict) -> bool:
        """Promote or reject a candidate; True where it plays now."""
        self._metrics.set(gate_state="idle", gate_score=verdict.score, gate_verdict=verdict.reason, gate_waits="")
        provenance = replace(provenance, gate=verdict.as_dict())
        self.champions.try_out(None)
        self.trials.drop()
        try:
            promoted = self.champions.judged(verdict, candidate, provenance)
        except ModelError as error:  # a full disk does not end learning: a later candidate is judged again
            self._tell(f"A better version was found, but could not be kept. {error}")
            return False
        if promoted is None:
            self._metrics.count("rejected_candidates")
            if not verdict.pairs:  # no battle was there to judge by
                self._metrics.wait_for(verdict.reason.removeprefix("Kept the champion: ").rstrip("."))
            return False
        how = "passed the gate" if verdict.battles else "has won more in its trial"
        self._tell(f"Version {promoted.version} {how} and now plays. {verdict.reason}")
        self.champions.prune(self._kept_versions)
        return True

    def live(self, result: LiveResult) -> None:
        """Count a live battle; a champion that it shows to be worse than its predecessor is rolled back."""
        if result.version != CANDIDATE and self.champions.live(result):
            self.drop()
        plays = result.version in (CANDIDATE, self.champions.slot.champion.version)  # not where the level has changed
        if plays and result.trial == self.number:  # not where the battle began in an earlier trial
            self.trials.take(result)

    def order(self) -> Order | None:
        """What the worker has to do for the judge; None where it waits for no battles."""
        judge = None if self._judging is None else self._judging[2]
        return judge.order() if isinstance(judge, BattleJudge) else None

    def take(self, notes: Mapping[str, Any]) -> None:
        judge = None if self._judging is None else self._judging[2]
        if isinstance(judge, BattleJudge) and judge.order() is not None:
            pairs = judge.pairs
            judge.take(notes)
            self._count_pairs(judge, pairs)

    def _count_pairs(self, judge: Judge, before: int) -> None:
        if judge is self.trials:  # its battles are no pairs
            return
        self._metrics.set(gate_state="judging", gate_pairs=judge.pairs)
        self._metrics.count("judged_pairs", judge.pairs - before)

    def cut_short(self, why: str) -> None:
        """Drop the candidate under judgement although the champion stays. It counts as turned down where battles of its
        were looked at, since they might have promoted it by luck."""
        if self._judging is not None and (pairs := self._judging[2].pairs):
            candidate, provenance, _ = self._judging
            self.champions.judged(Verdict(False, f"Kept the champion: {why}.", pairs), candidate, provenance)
        self.drop()

    def drop(self) -> None:
        """Drop the candidate under judgement, as when the champion it is judged against no longer plays."""
        self._judging = None
        self.trials.drop()
        self.champions.try_out(None)
        self._metrics.set(gate_state="idle", gate_pairs=0)

    def restart(self, number: int, steps: int) -> None:
        """Go on after `number` candidates, the last of them made at so many steps; none is before the judge."""
        self.drop()
        self.number, self.steps = number, steps
