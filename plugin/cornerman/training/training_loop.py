"""Training loop, one short slice at a time: collect -> learn -> judge a candidate -> promote or reject.

Called on the trainer's thread only; knows nothing of threads or windows. What is done next depends only on what was
recorded and on the seeds, so the same battles give the same versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from cornerman.contract import BattleEnd, ModelError, Transition
from cornerman.evaluation.live.offline_check import value_accuracy
from cornerman.evaluation.live.results import LiveResult
from cornerman.experience.battle_store import Counts
from cornerman.experience.experience import Arrays, Experience
from cornerman.learning.sliced_burst import NO_FRAMES_S, for_a_slice
from cornerman.learning.updates import FIRST_STEPS, Updates
from cornerman.models.manifest import Provenance
from cornerman.opponent.players import Players
from cornerman.policy.policy import Policy
from cornerman.selfplay.live_worker import Practice
from cornerman.selfplay.pool import PoolError
from cornerman.settings import Settings
from cornerman.training.candidates import Candidates
from cornerman.training.metrics import Metrics
from cornerman.training.resume import Checkpoints, Progress

COLLECTED_AT_ONCE = 256
PIECES_A_BURST = 64
"""Pieces of learning about players, of which many may be stored, between two bursts that are due."""
SLICE_S = 0.02
"""Default time budget of a slice; a turn or a learning step under way is finished."""

ANSWER_S = 0.004
"""How long a slice waits for the worker where nothing else is due, without the interpreter lock."""


class TrainingLoop:
    """Decides what each slice does; training/build.py builds its parts."""

    def __init__(
        self,
        settings: Settings,
        experience: Experience,
        players: Players,
        updates: Updates,
        candidates: Candidates,
        practice: Practice | None,
        checkpoints: Checkpoints,
        metrics: Metrics,
    ) -> None:
        """`practice` is None where the game offers no headless battles, or practice is off."""
        self._settings, self._metrics = settings, metrics
        self.experience, self.players, self.updates, self.candidates = experience, players, updates, candidates
        self._practice, self._checkpoints = practice, checkpoints
        self._before = updates.newest  # the policy before the battle under way
        self._battle_ended = False  # since a candidate was last thought of
        self._pieces = 0  # of learning about players
        self._practised = 0  # battles of practice when the last live one ended
        self._from_player = False  # whether the weights that learning began with descend from the player's battles
        self._apart = False  # learning has diverged and is not undone yet
        self._luck_undone = False  # whether learning has started over because who was imitated decides by lot

    def slice(self, budget_s: float = SLICE_S, idle: bool = False) -> bool:
        """Collect, then a part of a burst, a piece of judging or a new candidate; False when nothing is due.

        `idle`: practice may go on where none is due, up to `idle_practice` battles since the last live one.
        """
        updates, candidates = self.updates, self.candidates
        if updates.pending:
            updates.advance(budget_s)
        elif self._checkpoints.due(updates.steps):
            self._checkpoint()
        else:
            collected = self._collect(budget_s)
            due = updates.due >= self._settings.burst_steps
            self._pieces += 1
            if (not due or self._pieces % PIECES_A_BURST) and self.players.advance():
                pass
            elif due:
                updates.begin(budget_s)
            elif not self._judge_or_practise(idle):
                return collected > 0
        counted = updates.steps and candidates.headless()  # trials wait for battles, not for steps
        self._metrics.set(steps_to_candidate=candidates.steps_to_next(updates.steps) if counted else None)
        return True

    def _judge_or_practise(self, idle: bool) -> bool:
        """What is done where all that was recorded is learned; False when nothing is due."""
        self._metrics.set(battles_behind=0)
        candidates = self.candidates
        if candidates.judging and not candidates.trials.running and candidates.order() is None:
            if candidates.advance():
                self._checkpoints.hurry()
        elif self._candidate_due():
            self.begin_candidate()
        else:
            return self._advance_practice(idle)
        return True

    def _candidate_due(self) -> bool:
        if self.candidates.headless():
            return self.candidates.due(self.updates.steps)
        ended, self._battle_ended = self._battle_ended, False
        return ended and self.candidates.trial_due()

    def _collect(self, budget_s: float = SLICE_S) -> int:
        """Take recorded items from the inbox into the buffers and the battle store; returns how many.

        How many depends on no clock, so that the same battles give the same versions; the interpreter is released now
        and then, since after a long pause thousands of turns are checked here.
        """
        let_in, taken = for_a_slice(budget_s, self.updates.stop), 0
        with self.experience.battles.together():
            while taken < COLLECTED_AT_ONCE:
                let_in()
                try:
                    item = self.experience.inbox.popleft()
                except IndexError:
                    break
                self._take(item)
                taken += 1
        self._metrics.set(kept=self.experience.battles.kept)
        return taken

    def _take(self, item: Transition | BattleEnd) -> None:
        self.updates.credit(self.experience.take_live(item), self.updates.live_rate)
        self._metrics.set(fill=self.experience.buffers.player.size)
        if isinstance(item, BattleEnd):
            self._battle_over(item)
            if self._practice is not None:
                self._practice.due += self._settings.practice
            self._practised = self._metrics.get("practised", 0)

    def _battle_over(self, end: BattleEnd) -> None:
        """Look at a battle with the policy of before it, which has not learned from it."""
        updates, candidates = self.updates, self.candidates
        candidates.trials.watch(self._before, self.experience.ended, end, updates.teachers.imitates)
        self._before, self._battle_ended = updates.newest, True
        if updates.imitating and candidates.trials.check.by_lot and not self._luck_undone:  # it was luck until now
            self._luck_undone = True
            candidates.cut_short("who was imitated decides by lot")
            self.start_over()
            updates.due += FIRST_STEPS
        updates.imitate(not candidates.headless(), candidates.trials.check.by_lot)

    def _advance_practice(self, idle: bool) -> bool:
        """Take the worker's answer, waiting `ANSWER_S` for it, and send the next order; False when none is due.

        The next order is sent before the answer is learned from, so worker and learner run in parallel.
        """
        practice = self._practice
        if practice is None or practice.failed:
            return False
        try:
            answer = practice.answer(ANSWER_S)
            if answer is not None:
                self._take_answer(*answer)
            if not practice.busy:
                practised = self._metrics.get("practised", 0) - self._practised
                goes_on = idle and self._settings.practice and practised < self._settings.idle_practice
                if goes_on and practice.due <= 0.0:
                    practice.due = 1.0
                champions = [
                    each for each in self.candidates.champions.slot.players if each.spec == self.updates.newest.spec
                ]
                practice.order(self.updates.newest, self.updates.steps, champions, self.candidates.order(), idle)
        except PoolError as error:
            practice.fail()
            self.candidates.cut_short("practice has failed")
            self._metrics.say(f"Practice is off, and candidates are tried in some of the live battles: {error}")
            return False
        return answer is not None or practice.busy

    def _take_answer(self, columns: Arrays, notes: Mapping[str, Any]) -> None:
        """Put the worker's practice transitions into the buffer, or pass its battle results to the judge."""
        if "pairs" in notes:
            self.candidates.take(notes)
        if "battles" not in notes:
            return
        self._metrics.count("practice_decisions", notes["decisions"])
        self._metrics.count("practised", notes["battles"])
        for reason, count in notes.get("dropped", {}).items():
            if not self._metrics.get(f"dropped {reason}"):
                self._metrics.event(f"A practice battle was dropped ({notes['examples'][reason]}).")
            self._metrics.count(f"dropped {reason}", count)
        self.updates.credit(self.experience.take_practice(columns), self._settings.updates_per_practice)

    def begin_candidate(self) -> None:
        """Make the present weights a candidate."""
        learner = self.updates.learner
        self.updates.sound = learner.state()
        candidate = Policy(learner.spec, learner.averaged(), version=-1)
        accuracy = value_accuracy(candidate, self.experience.held_out.battles)
        self._metrics.measured(self.updates.steps, accuracy=accuracy)
        self.candidates.begin(candidate, self.provenance())

    def provenance(self) -> Provenance:
        """The provenance of a candidate that is made now."""
        return Provenance(
            parent=self.candidates.champions.registry.champion,
            learning_steps=self.updates.steps,
            rows=dict(self.experience.rows),
            from_player=self._from_player,
        )

    def live(self, result: LiveResult) -> None:
        """Count a live battle, which may roll the champion back, and end a candidate's trial."""
        candidates = self.candidates
        self.keep()  # the battle has ended, and what is known of its end waits in the inbox
        candidates.live(result)
        if candidates.trials.running:
            if candidates.advance():
                self._checkpoints.hurry()
            candidates.go_on_trial(self.updates.newest, self.provenance())

    def keep(self, frames: bool = True) -> None:
        """Collect the whole inbox; the steps credited for it stay due. Not what a fast game adds meanwhile, so that it
        ends. `frames`: the game draws some, which nothing may hold up."""
        while self._collect(SLICE_S if frames else NO_FRAMES_S) == COLLECTED_AT_ONCE:
            pass

    def drop_candidate(self) -> None:
        """Drop the candidate under judgement, as when the champion it is judged against no longer plays."""
        self.candidates.drop()

    def forget(self) -> None:
        """Drop everything recorded and learned in memory; inbox and files are the caller's."""
        self.experience.forget()
        if self._practice is not None:
            self._practice.drop()
        self.candidates.trials.clear()
        self._luck_undone = False
        self.players.forget()
        self.updates.teachers.clear()
        self.updates.due, self.updates.sound = 0.0, None
        self.start_over()
        self._metrics.forget()

    def forget_player(self, player: str) -> Counts:
        """Erase the battles of one player and the model of that player; what the weights learned from them stays.

        Returns what was erased; ModelError where the disk refuses, and then nothing is forgotten.
        """
        self.keep()
        erased = self.experience.battles.forget_player(player)
        if self.candidates.trials.running:
            self.candidates.drop()  # its results may be this player's
        self.candidates.trials.clear()
        self.updates.drop()
        self.updates.teachers.clear()
        self.players.forget()
        self.experience.read_again()
        return erased

    def start_over(self) -> None:
        """Restart learning from the champion's weights."""
        base = self.candidates.champions.start_for(self.updates.learner.spec)
        self._from_player = self.candidates.champions.learned_from_player(base.version)
        self.updates.restart(base)
        self._before = base
        self.candidates.restart(self.candidates.number, self.updates.steps)

    def recover(self, error: BaseException) -> None:
        """Undo a failed slice: what was under way is dropped, and what was learned stays.

        Diverged learning (FloatingPointError) returns to the last candidate, or to the champion where that diverges
        too. A step that is not finite, or raises, has left the weights as they were before it.
        """
        self.candidates.cut_short(f"a learning step failed ({error})")
        if not isinstance(error, FloatingPointError):
            self.updates.drop()
            return
        sound, self.updates.sound, self._apart = self.updates.sound, None, True
        from_player = self._from_player
        self.start_over()
        if sound is not None:
            self.updates.restore(sound)
            self._from_player = from_player
            self.candidates.restart(self.candidates.number, self.updates.steps)
        self._apart = False

    def _checkpoint(self, ending: bool = False) -> None:
        self._checkpoints.save(self.updates.steps, self.updates.learner.state(), self.progress(), ending)

    def progress(self) -> Progress:
        """The figures of a checkpoint, beside the learner's state; between two bursts."""
        candidates, experience = self.candidates, self.experience
        lost = candidates.judging and not candidates.trials.running
        judged_again = self._settings.candidate_period if lost else 0
        return Progress(
            steps_due=self.updates.due,
            candidates=candidates.number,
            candidate_steps=max(0, candidates.steps - judged_again),
            transitions=dict(experience.rows),
            reached=experience.battles.reached(),
            from_player=self._from_player or experience.rows["player"] > 0,
            trials=candidates.trials_so_far(),
        )

    def resume(self, saved: tuple[Arrays, Progress] | None) -> None:
        """Resume from a checkpoint and the battles stored since; without a checkpoint, from the champion."""
        reached = self.experience.battles.first  # recorded while learning was loading
        self.start_over()
        try:
            if saved is not None:
                self.updates.restore(saved[0])
                progress = saved[1]
                self.updates.due, self._from_player = progress.steps_due, progress.from_player
                self.candidates.restart(progress.candidates, progress.candidate_steps)
                self.experience.rows.update(progress.transitions)
                reached = progress.reached  # the first battle that was not learned from
                self._resume_trials(progress.trials)
        except ModelError as error:
            self._metrics.event(f"{error} Learning goes on from the champion.")
        unlearned = self.experience.refill(reached)
        self._luck_undone = self.candidates.trials.check.by_lot
        self.updates.imitate(not self.candidates.headless(), self._luck_undone)
        self.updates.credit(unlearned, self.updates.live_rate)
        self._before = self.updates.newest
        self._metrics.set(fill=self.experience.buffers.player.size, steps=self.updates.steps)

    def _resume_trials(self, trials: Mapping[str, Any]) -> None:
        """Go on with a checkpoint's trials in live battles, where there are no headless ones."""
        if not trials or self.candidates.headless():
            return
        try:
            self.candidates.restore_trials(trials)
        except ModelError as error:
            self._metrics.event(f"{error} Candidates are tried anew.")
        self.candidates.go_on_trial(self.updates.newest, self.provenance())

    def close(self) -> None:
        """Store the rest of the inbox and save a checkpoint for the next session.

        Diverged learning that could not be undone is not saved: the checkpoint before it stays.
        """
        with ExitStack() as rest:  # in reverse order, each whatever another one raised
            if not self._apart:
                rest.callback(self._checkpoint, ending=True)
            rest.callback(self.keep)
            if self._practice is not None:
                self._practice.close()
