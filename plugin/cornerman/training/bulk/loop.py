"""Bulk training over processes: workers collect, this process learns, one more worker judges candidates; weights go
out, rows come in, and a league samples the opponents.

Answers are taken in a fixed order, a fixed number of steps is learned a row, and verdicts are used at fixed steps:
how fast the machine is does not decide what is learned from when. A checkpoint holds everything that decides what
comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from cornerman.contract import HeadlessGame, ModelError
from cornerman.evaluation.arena import pair_seed
from cornerman.experience.declaration import declaration_of
from cornerman.experience.replay_buffer import ReplayBuffer
from cornerman.models.champions import Champions
from cornerman.models.store import Store
from cornerman.selfplay.league import Opponents
from cornerman.selfplay.orders import Order
from cornerman.selfplay.pool import AnyWorker, WorkerPool
from cornerman.selfplay.round_robin import RoundRobin
from cornerman.settings import Settings
from cornerman.training.bulk.average import RunningAverage
from cornerman.training.bulk.ladder import Snapshots
from cornerman.training.bulk.log import BulkLog
from cornerman.training.bulk.plan import Plan, Progress, refuse_impossible
from cornerman.training.bulk.promotion import BulkPromotion
from cornerman.training.machine import Machine

if TYPE_CHECKING:
    from cornerman.learning.accelerator.device_replay import DeviceReplay
    from cornerman.learning.learner import Learner

MOST_MOMENTS = 500
"""Moments of the learning curve that are kept; where there are more, every second one goes."""


class BulkLoop:
    """One run; one thread builds and calls it."""

    def __init__(
        self,
        game: HeadlessGame,
        settings: Settings,
        plan: Plan,
        store: Store,
        champions: Champions,
        learner: Learner,
        log: BulkLog,
        start_worker: Callable[[int, int], AnyWorker],
    ) -> None:
        """`learner` must have the plan's batch size; `start_worker` is given a seed and the worker's number.

        SettingsError where the memory cannot suffice.
        """
        spec = learner.spec
        refuse_impossible(plan, spec)
        self._settings, self._plan, self._learner, self._log = settings, plan, learner, log
        self._checkpoint_file, self._start_worker = store.bulk_checkpoint, start_worker
        self._slot, self._folder = champions.slot, store.folder
        self._device_buffer: DeviceReplay | None = None
        self._buffer = self._new_buffer()
        self._opponents, self.progress = Opponents(game), Progress(actions=[0] * spec.num_actions)
        self._league = self._opponents.league
        own_fighter = declaration_of(game).own_fighter
        self.promotion = BulkPromotion(champions, self._league, own_fighter, spec, settings, log)
        self.snapshots, self._average = Snapshots(), RunningAverage()
        self.faults: list[str] = []
        """Why devices were left, as sentences."""
        self._resumed: tuple[dict[str, Any], Mapping[str, Any]] | None = None  # the workers in a checkpoint
        self._pool: WorkerPool | None = None  # while it runs
        self._machine, self._loss = Machine(), nan
        self._logged = time.monotonic(), 0  # when figures were logged last, and the steps by then
        learner.load(champions.slot.champion.flat)

    def _new_buffer(self) -> ReplayBuffer:
        plan, spec = self._plan, self._learner.spec
        sizes, random = (spec.observation_size, spec.num_actions), np.random.default_rng([self._settings.seed, 6])
        if not plan.rows_on:
            return ReplayBuffer(plan.capacity, *sizes, random)
        from cornerman.learning.accelerator.device_replay import DeviceReplay  # torch, where there is a device for it

        self._device_buffer = DeviceReplay(plan.capacity, *sizes, random, plan.rows_on)
        return self._device_buffer

    def run(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Train until the plan's end, or until `stopped`, which is asked between two steps; True at the plan's end.

        Everything is saved then. What fails in between leaves the last checkpoint.
        """
        plan = self._plan
        # Other seeds than before for workers that nothing was stored of: the same battles would be played again.
        seed = pair_seed(self._settings.seed, self.progress.decisions, "workers")
        pool = self._pool = WorkerPool(lambda number: self._start_worker(seed, number), plan.workers + 1)
        try:
            round_robin = RoundRobin(pool, plan.workers)
            if self._resumed is not None:
                for sentence in round_robin.restore(*self._resumed):
                    self._log.say(sentence)
            self._resumed = None
            round_robin.begin(self._collecting)
            self.promotion.start(pool, plan.workers)
            done = self._collect_and_learn(round_robin, stopped) and self._judge_the_last(stopped)
            self._checkpoint(round_robin)
            return done
        finally:
            pool.close()

    def _collect_and_learn(self, round_robin: RoundRobin, stopped: Callable[[], bool]) -> bool:
        plan, progress = self._plan, self.progress
        first, before = progress.decisions, progress.seconds
        started = reported = saved = time.monotonic()
        while plan.share_done(progress.decisions - first, time.monotonic() - started) < 1.0:
            judging = self._learner.device != "cpu" and not self.promotion.idle()
            if stopped() or not (judging or self._put_to_the_gate(plan.candidate_steps, stopped)):
                return False
            answer = round_robin.take(self._collecting)
            if answer is None:
                continue
            self._take(*answer)
            self._learn()
            self._log.bar.moved(plan.share_done(progress.decisions - first, time.monotonic() - started))
            self._log_figures()
            now = time.monotonic()
            progress.seconds = before + now - started
            if now - reported >= plan.report_s:
                reported = now
                self._report(progress.decisions - first, now - started)
            if now - saved >= plan.checkpoint_s:
                self._checkpoint(round_robin)
                saved = time.monotonic()
        self._report(progress.decisions - first, time.monotonic() - started)
        return True

    def _put_to_the_gate(self, due: int, stopped: Callable[[], bool]) -> bool:
        """Judge the present policy where so many steps were learned since the last candidate; False where stopped."""
        steps = self._learner.steps
        if steps - self.promotion.candidates.steps < due:
            return True
        weights = self._average.weights(self._learner.averaged())
        return self.promotion.put(weights, steps, self.progress.rows, stopped)

    def _judge_the_last(self, stopped: Callable[[], bool]) -> bool:
        """Put what was learned since the last candidate to the gate too, and wait for the verdict."""
        stopped = self._log.bar.during("Judging what was learned last", stopped)
        return self._put_to_the_gate(1, stopped) and self.promotion.settle(stopped)

    def _collecting(self) -> Order:
        """The order to collect with the present weights against the league."""
        present, steps = self._learner.averaged(), self._learner.steps
        return self._opponents.order(present, steps, self._slot.players, self._settings)

    def _take(self, columns: Mapping[str, Any], notes: Mapping[str, Any]) -> None:
        progress = self.progress
        self._buffer.append_many(columns)
        progress.rows += len(columns["action"])
        progress.decisions += int(notes["decisions"])
        progress.battles += int(notes["battles"])
        progress.actions = [a + b for a, b in zip(progress.actions, notes["actions"], strict=True)]
        for reason, count in notes.get("dropped", {}).items():
            if reason not in progress.dropped:
                self._log.say_once(f"A headless battle was dropped ({notes['examples'][reason]}).", "dropped")
            progress.dropped[reason] = progress.dropped.get(reason, 0) + count
        progress.steps_due += len(columns["action"]) * self._plan.uses / self._plan.batch_size
        self._opponents.count(notes)

    def _learn(self) -> None:
        burst, on_device = self._settings.burst_steps, self._device_buffer
        while self.progress.steps_due >= burst:
            self.progress.steps_due -= burst
            batch = self._buffer.sample(burst * self._plan.batch_size)
            try:
                learned = self._learner.learn_burst(batch)
            except RuntimeError as error:  # a device that is lost takes the rows on it along; the learner is as before
                if on_device is None or on_device.fault:
                    raise
                learned = self._learner.learn_burst(on_device.again(error))
            self._loss = learned.loss
            present = self._learner.averaged()
            self._average.add(present)
            if self.snapshots.due(self._learner.steps):
                self.snapshots.add(self._learner.steps, present)
        for fault in filter(None, (self._learner.fault, "" if on_device is None else on_device.fault)):
            self._note_fault(fault)

    def _note_fault(self, fault: str) -> None:
        """Say once why a device was left."""
        if self._log.say_once(fault, "fault"):
            self.faults.append(fault)

    def _log_figures(self) -> None:
        reading, log, steps = self._machine.read(), self._log.figures, self._learner.steps
        if not log.due:
            return
        (then, before), now = self._logged, time.monotonic()
        self._logged = now, steps
        figures = {
            "source": "bulk",
            **reading,
            "steps": steps,
            "steps_per_s": (steps - before) / (now - then),
            "loss": self._loss,
            "version": self._slot.champion.version,
            "device": self._learner.device,
            "decisions": self.progress.decisions,
        }
        log.write(figures, self.progress.decisions)

    def _report(self, decisions: int, seconds: float) -> None:
        """A moment of the learning curve, after so many decisions and seconds of this session."""
        progress, done = self.progress, min(1.0, self._plan.share_done(decisions, seconds))
        scores = {name: self._league.results[name].recent_score for name in self._league.bots}
        rating = self._league.rating()
        entry = {
            "rating": None if rating is None else round(rating.points),
            "decisions": progress.decisions,
            "seconds": round(progress.seconds, 1),
            "decisions_per_s": round(decisions / max(seconds, 1e-9)),
            "steps": self._learner.steps,
            "battles": progress.battles,
            "version": self._slot.champion.version,
            "score": {name: round(score, 4) for name, score in scores.items()},
            "replaced": self._pool.replaced if self._pool else 0,
            "dropped": sum(progress.dropped.values()),
            "waited_s": round(self.promotion.waited_s, 1),
        }
        progress.curve.append(entry)
        if len(progress.curve) > MOST_MOMENTS:
            del progress.curve[1::2]
        self._log.progress(entry)
        left = seconds * (1.0 - done) / done if done > 0.0 else 0.0
        points = "" if rating is None else f"; rating {rating.points:.0f} ({rating.low:.0f} to {rating.high:.0f})"
        self._log.say(
            f"[{'#' * int(20 * done):<20}] {done:4.0%} {progress.decisions:,} decisions, "
            f"{entry['decisions_per_s']:,}/s, {left / 60:.1f} min left, {self._learner.steps:,} steps, "
            f"version {entry['version']}; {' '.join(f'{name} {score:.0%}' for name, score in scores.items())}{points}"
            + (f", {entry['replaced']} workers replaced" if entry["replaced"] else "")
            + (f", {entry['dropped']} battles dropped" if entry["dropped"] else "")
        )

    def _checkpoint(self, round_robin: RoundRobin) -> None:
        """Save everything that training goes on from; a failure is said, and the last checkpoint stays."""
        started = time.monotonic()
        workers, turn = round_robin.state()
        promotion, counts = self.promotion.state()
        parts = {"learner": self._learner.state(), "ring": self._buffer.state()}
        parts |= {"promotion": promotion, "round_robin": workers, "snapshots": self.snapshots.state()}
        parts["average"] = self._average.state()
        arrays = {f"{part}.{name}": array for part, named in parts.items() for name, array in named.items()}
        notes = {
            "progress": asdict(self.progress),
            "league": self._league.state(),
            "promotion": counts,
            "round_robin": turn,
            "log_bytes": self._log.num_bytes,
        }
        try:
            num_bytes = self._checkpoint_file.save(arrays, notes)
        except ModelError as error:
            self._log.say(str(error))
            return
        self._log.write({"event": "checkpoint", "bytes": num_bytes, "seconds": round(time.monotonic() - started, 2)})

    def resume(self) -> None:
        """Go on from the last checkpoint; ModelError where there is none or it does not fit."""
        saved, sentences = self._checkpoint_file.load()
        for sentence in sentences:
            self._log.say(sentence)
        if saved is None:
            raise ModelError(f"{self._folder} holds no checkpoint to resume from; start without --resume.")
        arrays, notes = saved
        try:
            self._learner.restore(_part(arrays, "learner."))
            self._buffer.restore(_part(arrays, "ring."))
            self.progress = Progress(**notes["progress"])
            self._league.restore(notes["league"])
            self.promotion.restore(_part(arrays, "promotion."), notes["promotion"])
            self.snapshots.restore(_part(arrays, "snapshots."))
            self._average.restore(_part(arrays, "average."))
            self._resumed = _part(arrays, "round_robin."), notes["round_robin"]
            self._logged = time.monotonic(), self._learner.steps
            self._log.shorten(int(notes["log_bytes"]))
        except (ModelError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"The checkpoint does not fit: {error} Start without --resume.") from error
        done = f"{self.progress.decisions:,} decisions and {self._learner.steps:,} steps"
        self._log.say(f"Goes on from {done}.")


def _part(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
