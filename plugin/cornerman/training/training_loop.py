"""The pipeline, one short slice at a time: collect -> train -> evaluate -> promote or reject.

The trainer's thread is the only one that calls it; it knows nothing of threads or windows. What it does next depends
only on what was handed over and on its seeds, so the same battles give the same versions.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any, Protocol

import numpy as np

from cornerman.contract import BattleEnd, Game, HeadlessGame, ModelError, Transition
from cornerman.evaluation.arena import pair_seed
from cornerman.evaluation.gate import Judge, judge_for
from cornerman.evaluation.held_out_judge import value_accuracy
from cornerman.evaluation.live_results import LiveResult
from cornerman.evaluation.verdict import Verdict
from cornerman.experience.battle_store import BattleStore
from cornerman.experience.encoder import Encoder
from cornerman.experience.experience import Arrays, Experience
from cornerman.experience.rewards import RewardCalculator
from cornerman.files.checkpoint_file import CheckpointFile
from cornerman.learning.learner import Learner
from cornerman.learning.sliced_burst import Flag, SlicedBurst, for_a_slice
from cornerman.models.champions import Champions
from cornerman.models.live_monitor import PROBATION
from cornerman.models.manifest import Provenance
from cornerman.policy.policy import Policy
from cornerman.selfplay.practice import Practice
from cornerman.settings import Settings
from cornerman.training import resume as continuation
from cornerman.training.metrics import Metrics
from cornerman.training.resume import Schedule

log = logging.getLogger("cornerman")

COLLECTED_AT_ONCE = 256
MOST_BURSTS = 8
"""Drawn at once, so that Python has less to do around them: it keeps the game's thread waiting."""
SLICE_S = 0.02
"""How long a slice goes on where nobody says otherwise; a turn or a learning step under way is finished."""


class Inbox(Protocol):
    """What was recorded and not yet learned from."""

    def popleft(self) -> Transition | BattleEnd:
        """The next item; IndexError where there is none."""


class TrainingLoop:
    """Owns the learner, the replay storage and the judging of candidates."""

    def __init__(
        self,
        game: Game,
        settings: Settings,
        inbox: Inbox,
        champions: Champions,
        checkpoint: CheckpointFile,
        metrics: Metrics,
        learner: Learner,
        safe: BattleStore,
    ) -> None:
        self._game, self._settings = game, settings
        self._encoder = encoder = Encoder(game)
        self._inbox, self._lineage, self._registry, self._metrics = inbox, champions.slot, champions.registry, metrics
        self._learner, self._resume_file, self._safe = learner, checkpoint, safe
        self.stop: Flag = np.zeros(1, np.uint8)  # set by any thread, it ends the slice under way
        count_steps = partial(metrics.did, "steps")
        self._burst = SlicedBurst(learner, settings.batch_size, count_steps, self.stop, self._step_clock)
        self._random = np.random.default_rng([settings.seed, 1])
        self.memory = Experience((encoder.observation_size, encoder.num_actions), settings, self._random, safe)
        self.rings, self.held_out = self.memory.rings, self.memory.held_out
        self._practice: Practice | None = None
        if isinstance(game, HeadlessGame) and settings.practice > 0:
            self._practice = Practice(
                game,
                encoder,
                RewardCalculator(settings.health_weight, settings.outcome_weight),
                Random(f"practice {settings.seed}"),
                newest=lambda: self._newest,
                champions=lambda: champions.slot.line,
                epsilon=settings.exploration_fraction,
                say=metrics.event,
            )
        self._champions = champions
        self.beside: Callable[[], dict[str, Any]] = dict  # what the plugin wants kept, and gets back from `resume`
        self._newest = champions.slot.champion
        self._owed = 0.0  # gradient steps that the recorded transitions still pay for
        self._judge: Judge | None = None
        self._candidate: Policy | None = None
        self._candidates = 0
        self._from_player = False  # whether what learning began with had learned from the player
        self._apart = False  # what is learned is no good, and could not be undone yet
        self._sound: Arrays | None = None  # what the learner was when the last candidate was made
        self._learned_at_candidate = 0
        self._practised = 0  # battles of practice since the last live one
        self._saving, self._unsaved = Schedule(), False

    # --------------------------------------------------------------------------------------------------- one slice

    def slice(self, budget_s: float = SLICE_S) -> bool:
        """Collect, then a part of a burst, a piece of judging or a new candidate; False when nothing is due."""
        if self._burst.pending:
            self._go_on_learning(budget_s)
            return True
        if self._saving.due(self._learner.steps):
            self._save()
            return True
        collected = self._collect(budget_s)
        if self._owed >= self._settings.burst_steps:
            self._learn(budget_s)
        elif self._judge is not None:
            self._advance(self._judge, budget_s)
        elif self._practise(budget_s):
            pass
        elif self._candidate_is_due:
            self._begin_judging()
        else:
            return collected
        return True

    def _collect(self, budget_s: float = SLICE_S) -> bool:
        """Take what the game's thread handed over, and keep it; True when there was anything.

        How much depends on no clock, so that the same battles give the same versions; it only lets the game in now and
        then, since a long pause leaves thousands of turns to be checked.
        """
        let_in = for_a_slice(budget_s, self.stop)
        for taken in range(COLLECTED_AT_ONCE):
            let_in()
            try:
                handed_over = self._inbox.popleft()
            except IndexError:
                return taken > 0
            self._owe(self.memory.take_live(handed_over))
            self._metrics.set(fill=self.rings.player.size)
            if isinstance(handed_over, BattleEnd):
                self.practise(self._settings.practice)
                self._practised = 0
                self._metrics.set(kept=self._safe.kept)
        return True

    def _owe(self, rows: int) -> None:
        """So many rows are due to be learned from; never more than a full ring, however long learning was off."""
        rate = self._settings.updates_per_transition
        self._owed = min(self._owed + rate * rows, rate * self._settings.replay_capacity)

    def _practise(self, budget_s: float) -> bool:
        """Play on in the practice battle; False when none is due.

        It stops as soon as a burst is owed, so how fast the machine is does not decide what is learned from when.
        """
        practice = self._practice
        if practice is None or not practice.advance():
            return False
        go_on = for_a_slice(budget_s, self.stop)
        self._take_practice(practice)
        while self._owed < self._settings.burst_steps and go_on() and practice.advance():
            self._take_practice(practice)
        return True

    def _take_practice(self, practice: Practice) -> None:
        self._metrics.count("practice_decisions", sum(isinstance(row, Transition) for row in practice.rows))
        while practice.rows:
            self._owe(self.memory.take_practice(practice.rows.popleft()))
            self._metrics.set(fill=self.rings.player.size)

    def _learn(self, budget_s: float) -> None:
        """Begin as many whole bursts of gradient steps as are owed, a few at a time, once the buffer holds enough."""
        settings = self._settings
        if len(self.rings) < max(settings.batch_size, settings.warmup_fraction * settings.replay_capacity):
            self._owed = 0.0
            return
        at_once = min(MOST_BURSTS, int(self._owed / settings.burst_steps))
        self._owed -= at_once * settings.burst_steps
        self._burst.clock = self._step_clock
        self._burst.begin(self.rings, settings.burst_steps, at_once)
        self._go_on_learning(budget_s)

    def _go_on_learning(self, budget_s: float) -> None:
        loss = self._burst.advance(budget_s)
        if loss is None:
            return
        self._newest = Policy(self._learner.spec, self._learner.averaged())
        to_candidate = self._learned_at_candidate + self._settings.candidate_period - self._learner.steps
        self._metrics.set(steps_to_candidate=max(0, to_candidate))
        self._metrics.set(steps=self._learner.steps, dropped=self._learner.dropped, device=self._learner.device)
        if np.isfinite(loss):
            self._metrics.set(loss=loss)
        if self._learner.fault and self._metrics.get("fault") != self._learner.fault:
            self._metrics.set(fault=self._learner.fault)
            self._metrics.event(self._learner.fault)

    @property
    def _step_clock(self) -> Callable[[], float]:
        """On a CPU what counts is what the thread computes: waiting for the interpreter makes no step longer."""
        return time.thread_time if self._learner.device == "cpu" else time.perf_counter

    # ----------------------------------------------------------------------------------------- evaluate, promote

    @property
    def _candidate_is_due(self) -> bool:
        """Often enough learned, and the champion is not itself still on probation."""
        due = self._learner.steps - self._learned_at_candidate >= self._settings.candidate_period
        return due and not self._champions.on_probation

    def _begin_judging(self) -> None:
        self._sound = self._learner.state()
        self._learned_at_candidate = self._learner.steps
        self._candidates += 1
        self._judge_candidate(Policy(self._learner.spec, self._learner.averaged(), version=-1))

    def _judge_candidate(self, candidate: Policy) -> None:
        self._candidate = candidate
        self._metrics.set(accuracy=value_accuracy(candidate, self.held_out.battles))
        seed = pair_seed(self._settings.seed, self._candidates, "gate")
        self._judge = judge_for(
            self._game, self._encoder, self._settings, candidate, self._lineage, self.held_out, seed
        )

    def _advance(self, judge: Judge, budget_s: float) -> None:
        before = judge.pairs
        verdict = judge.advance(for_a_slice(budget_s, self.stop))
        self._metrics.count("judged_pairs", judge.pairs - before)
        self._metrics.set(gate_state="judging", gate_pairs=judge.pairs)
        if verdict is not None:
            self._judge = None
            self._decide(verdict)

    def _decide(self, verdict: Verdict) -> None:
        assert self._candidate is not None
        self._metrics.set(gate_state="idle", gate_score=verdict.score, gate_verdict=verdict.reason)
        provenance = Provenance(
            parent=self._registry.champion,
            learning_steps=self._learner.steps,
            rows=dict(self.memory.rows),
            gate=verdict.as_dict() | ({} if isinstance(self._game, HeadlessGame) else {PROBATION: True}),
            from_player=self._from_player,
        )
        try:
            promoted = self._champions.judged(verdict, self._candidate, provenance)
        except ModelError as error:  # a full disk must not cost what was learned: a later candidate is tried again
            self._metrics.event(f"A better version was found, but could not be kept. {error}")
            return
        if promoted is None:
            self._metrics.count("rejected_candidates")
            return
        self._metrics.event(f"Version {promoted.version} passed the gate and now plays. {verdict.reason}")
        self._champions.prune(self._settings.kept_versions)
        self._saving.hurry()

    # -------------------------------------------------------------------------------------------------- commands

    @property
    def recorded(self) -> int:
        """Decisions learned from so far, earlier sessions included."""
        return self.memory.rows.total()

    def practise_idle(self) -> bool:
        """Spar a little more where nothing else is due; False once that was enough for the last live battle."""
        if self._practice is None or self._practised >= self._settings.idle_practice:
            return False
        self._practised += 1
        self._metrics.count("practised")
        self.practise(1.0)
        return True

    def practise(self, battles: float) -> None:
        """Let so many more headless battles be played; none where the game offers none or practice is off."""
        if self._practice is not None:
            self._practice.due += battles

    def forget(self) -> None:
        """Drop everything that was stored and learned here; the inbox and the files are the caller's."""
        self.memory.forget()
        if self._practice is not None:
            self._practice.clear()
        self._owed, self._sound = 0.0, None
        self.start_over()
        self._metrics.set(fill=0, kept=0, steps=0, loss=None, accuracy=None, gate_score=None, gate_verdict="")

    def recover(self, error: BaseException) -> None:
        """Undo a failed slice: what was under way is dropped, and what was learned stays.

        Where learning has come apart it goes on from where the last candidate was made, or from the champion where that
        was no better. A step that is not finite, or raises, has left the weights as they were before it.
        """
        if not isinstance(error, FloatingPointError):
            self._burst.drop()
            self.drop_candidate()
            return
        sound, self._sound, self._apart = self._sound, None, True
        self.start_over()
        if sound is not None:
            self._learner.restore(sound)
            self._newest = Policy(self._learner.spec, self._learner.averaged())
            self._learned_at_candidate = self._learner.steps
        self._apart = False

    def start_over(self) -> None:
        """Learn from the champion's weights on."""
        self.drop_candidate()
        self._burst.drop()
        self._newest = self._champions.start_for(self._learner.spec)
        self._from_player = self._champions.learned_from_player(self._newest.version)
        self._learner.load(self._newest.flat)
        self._learned_at_candidate = self._learner.steps

    def drop_candidate(self) -> None:
        """Judge no further; what was learned stays. For when another champion plays than the one it is judged by."""
        self._judge = self._candidate = None
        self._metrics.set(gate_state="idle", gate_pairs=0)

    def live(self, result: LiveResult) -> None:
        """Note how a live battle ended; a champion that has proved worse than its predecessor was is rolled back."""
        if self._champions.live(result):
            self.drop_candidate()

    def keep(self) -> None:
        """Take and keep everything that was handed over; what is due to be learned from it stays due."""
        while self._collect():
            pass

    def _save(self) -> None:
        """Save what was learned, so that a kill costs no more than what came after; the rest is the journal's."""
        began = time.monotonic()
        try:
            self._resume_file.save(*continuation.progress(self))
            self._unsaved = False
        except ModelError as error:
            if not self._unsaved:
                self._metrics.event(str(error))
            self._unsaved = True
        self._saving.saved(self._learner.steps, began)

    def close(self) -> None:
        """Keep what was handed over and save everything, so that the next start goes on exactly from here.

        Learning that came apart and could not be undone is not saved: what was saved before it counts.
        """
        self.keep()
        arrays, notes = continuation.whole(self)
        self._safe.close()
        if not self._apart:
            self._resume_file.save(arrays, notes)

    def resume(self) -> Mapping[str, Any]:
        """Go on exactly where `close` stopped; gives what was kept beside then.

        After a kill, from what was saved last and the battles that were kept since, which are due to be learned from;
        where it is damaged, from the champion.
        """
        beside = continuation.resume(self)
        self._metrics.set(fill=self.rings.player.size, steps=self._learner.steps)
        return beside

    def _champion(self, version: int) -> Policy:
        """A champion of old; ModelError where it is no longer stored."""
        return next((old for old in self._lineage.line if old.version == version), None) or self._registry.load(version)
