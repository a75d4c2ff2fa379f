"""Bulk training over processes: workers collect, this process learns, one more judges candidates; weights go out, rows
come in, and a league decides who is met.

Answers are taken in a fixed order, a fixed number of steps is learned a row, and verdicts are taken in at fixed steps:
how fast the machine is does not decide what is learned from when. Everything that goes on is in a checkpoint.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from cornerman.contract import BatchedGame, HeadlessGame, ModelError, SettingsError
from cornerman.evaluation.arena import pair_seed
from cornerman.experience.replay_buffer import ReplayBuffer
from cornerman.learning.accelerator.device_replay import DeviceReplay
from cornerman.learning.device import Choice
from cornerman.learning.learner import Learner
from cornerman.models.store import Store
from cornerman.policy.policy_slot import PolicySlot
from cornerman.selfplay.anchors import present_rating
from cornerman.selfplay.league import League
from cornerman.selfplay.pool import Hands, WorkerPool
from cornerman.selfplay.round_robin import RoundRobin
from cornerman.selfplay.worker import PRESENT
from cornerman.settings import Settings
from cornerman.training.bulk.promotion import BulkPromotion

WORKER_BYTES, LEARNER_BYTES = 200 * 2**20, 600 * 2**20
"""What a worker and this process with torch take, measured with room to spare; the replay buffer comes on top."""
MOST_MOMENTS = 500
"""Moments of the learning curve that are kept; where there are more, every second one goes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, how, and how often it tells and saves."""

    decisions: int | None = None
    minutes: float | None = None
    workers: int = 1
    batch_size: int = 256
    uses: float = 4.0  # how often a row is learned from on average
    capacity: int = 200_000
    candidate_steps: int = 3_000  # learning steps between two candidates
    report_s: float = 10.0
    checkpoint_s: float = 60.0
    acting: str = ""  # the device that the present policy acts on in the workers; "": with numpy
    rows_on: str = ""  # the device that batches to learn from are picked on; "": here


@dataclass(slots=True)
class Progress:
    """What has been done so far, all sessions together."""

    decisions: int = 0
    battles: int = 0
    rows: int = 0
    seconds: float = 0.0
    owed: float = 0.0  # learning steps that the collected rows still pay for
    actions: list[int] = field(default_factory=list)  # how often the present policy took each
    curve: list[dict[str, Any]] = field(default_factory=list)


class BulkLoop:
    """One run. Built and called by one thread; `close` ends the processes."""

    def __init__(
        self,
        game: HeadlessGame,
        game_name: str,
        settings: Settings,
        plan: Plan,
        store: Store,
        slot: PolicySlot,
        learner: Learner,
        say: Callable[[str], None],
    ) -> None:
        """`learner` must have the plan's batch size; `board` and `new_pool` may be set
        later, for figures that go elsewhere too, and for workers that do.

        SettingsError where the memory cannot suffice."""
        refuse_impossible(plan, learner)
        self.game, self._settings, self._plan, self._say = game, settings, plan, say
        self._store, self._lineage, self._learner = store, slot, learner
        spec = self._spec = learner.spec
        shape, random = (spec.observation_size, spec.num_actions), np.random.default_rng([settings.seed, 6])
        self.ring = (
            DeviceReplay(plan.capacity, *shape, random, plan.rows_on)
            if plan.rows_on
            else ReplayBuffer(plan.capacity, *shape, random)
        )
        self.league, self.progress = League(list(game.bots)), Progress(actions=[0] * spec.num_actions)
        self._batched = list(game.batched_bots) if isinstance(game, BatchedGame) else list(game.bots)
        store.bulk_folder.mkdir(exist_ok=True)
        self._log, self._checkpoint_file = store.bulk_folder / "log.jsonl", store.bulk_checkpoint
        self._game_name = game_name
        self.pool: Hands | None = None
        self.new_pool: Callable[[str, tuple[int, ...], int, int], Hands] = WorkerPool
        self.board: Callable[[Mapping[str, Any]], None] = lambda entry: None
        self.promotion = BulkPromotion(store, slot, self.league, spec, settings, say, self._write)
        self.devices: dict[str, Choice] = {}
        """Where it learns, acts and picks rows, and why; for the log and the report."""
        self.faults: list[str] = []
        self._round_robin: tuple[dict[str, Any], Mapping[str, Any]] | None = None  # the workers in a checkpoint
        self._learner.load(slot.champion.flat)

    # -------------------------------------------------------------------------------------------------------- the run

    def run(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Train until the plan's end, or until `stopped`, which is asked between two steps; True at the plan's end.

        Everything is saved then. What fails in between leaves the last checkpoint.
        """
        plan = self._plan
        # Other seeds than before for workers that nothing was stored of: the same battles would be played again.
        seed = pair_seed(self._settings.seed, self.progress.decisions, "workers")
        self.pool = self.new_pool(self._game_name, self._spec.hidden, seed, plan.workers + 1)
        try:
            round_robin = RoundRobin(self.pool, plan.workers)
            if self._round_robin is not None:
                for sentence in round_robin.restore(*self._round_robin):
                    self._say(sentence)
            self._round_robin = None
            if self.devices:
                self._write({"event": "devices", **{what: asdict(choice) for what, choice in self.devices.items()}})
            round_robin.begin(self._collecting)
            self.promotion.start(self.pool, plan.workers)
            done = self._collect_and_learn(round_robin, stopped) and self._judge_the_last(stopped)
            self.checkpoint(round_robin)
            return done
        finally:
            self.promotion.close()
            self.pool.close()

    def _collect_and_learn(self, round_robin: RoundRobin, stopped: Callable[[], bool]) -> bool:
        plan, progress = self._plan, self.progress
        first, before = progress.decisions, progress.seconds
        started = told = saved = time.monotonic()
        while self._share_done(progress.decisions - first, time.monotonic() - started) < 1.0:
            if stopped() or not self._put_to_the_gate(plan.candidate_steps, stopped):
                return False
            answer = round_robin.take(self._collecting)
            if answer is None:
                continue
            self._take(*answer)
            self._learn()
            now = time.monotonic()
            progress.seconds = before + now - started
            if now - told >= plan.report_s:
                told = now
                self._tell(progress.decisions - first, now - started)
            if now - saved >= plan.checkpoint_s:
                self.checkpoint(round_robin)
                saved = time.monotonic()
        self._tell(progress.decisions - first, time.monotonic() - started)
        return True

    def _put_to_the_gate(self, due: int, stopped: Callable[[], bool]) -> bool:
        """What was learned, where so many steps were since the last candidate; False where `stopped` came before."""
        steps = self._learner.steps
        if steps - self.promotion.standing.steps < due:
            return True
        return self.promotion.put(self._learner.averaged(), steps, self.progress.rows, stopped)

    def _judge_the_last(self, stopped: Callable[[], bool]) -> bool:
        """Put what was learned since the last candidate to the gate too, and wait for the verdict."""
        return self._put_to_the_gate(1, stopped) and self.promotion.settle(stopped)

    def _share_done(self, decisions: int, seconds: float) -> float:
        if self._plan.decisions is not None:
            return decisions / self._plan.decisions
        return seconds / (60.0 * (self._plan.minutes or 10.0))

    def _collecting(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The order to collect with the present weights against the league."""
        arrays = {PRESENT: self._learner.averaged()}
        versions = {PRESENT: self._learner.steps}
        for policy in self.promotion.champions():
            arrays[f"version {policy.version}"], versions[f"version {policy.version}"] = policy.flat, policy.version
        order = {
            "kind": "collect",
            "versions": versions,
            "mix": self.league.mix(self._batched),
            "mix_beside": self.league.mix([name for name in self.league.scripted if name not in self._batched]),
            "epsilon": self._settings.exploration_fraction,
            "n_step": self._settings.n_step,
            "gamma": self._settings.gamma,
        }
        if self._plan.acting:
            order["acting"] = self._plan.acting
        return arrays, order

    def _take(self, columns: Mapping[str, Any], notes: Mapping[str, Any]) -> None:
        """Store an answer's rows and count its results."""
        progress = self.progress
        self.ring.append_many(columns)
        progress.rows += len(columns["action"])
        progress.decisions += int(notes["decisions"])
        progress.battles += int(notes["battles"])
        progress.actions = [a + b for a, b in zip(progress.actions, notes["actions"], strict=True)]
        if "fault" in notes:
            self._tell_fault(notes["fault"])
        progress.owed += len(columns["action"]) * self._plan.uses / self._plan.batch_size
        self.league.fade()
        for first, second, wins, draws, losses in notes["tallies"]:
            if first == PRESENT:
                self.league.count(second, wins, draws, losses)
            elif second == PRESENT:
                self.league.count(first, losses, draws, wins)

    def _learn(self) -> None:
        """Whole bursts of what is owed."""
        burst, ring = self._settings.burst_steps, self.ring
        while self.progress.owed >= burst:
            self.progress.owed -= burst
            batch = ring.sample(burst * self._plan.batch_size)
            try:
                self._learner.learn_burst(batch)
            except RuntimeError as error:  # a device that is lost takes the rows on it along; the learner is as before
                if not isinstance(ring, DeviceReplay) or ring.fault:
                    raise
                self._learner.learn_burst(ring.again(error))
        for fault in (self._learner.fault, ring.fault if isinstance(ring, DeviceReplay) else ""):
            if fault:
                self._tell_fault(fault)

    def _tell_fault(self, fault: str) -> None:
        """Say once why a device was left."""
        if fault not in self.faults:
            self.faults.append(fault)
            self._say(fault)
            self._write({"event": "fault", "reason": fault})

    # -------------------------------------------------------------------------------------------- telling and saving

    def _tell(self, decisions: int, seconds: float) -> None:
        progress, done = self.progress, min(1.0, self._share_done(decisions, seconds))
        left = seconds * (1.0 - done) / done if done > 0.0 else 0.0
        anchors = {name: self.league.standings[name].recent_score for name in self.league.scripted}
        rating = present_rating(self.league.standings, self.promotion.anchors)
        entry = {
            "rating": None if rating is None else round(rating.points),
            "decisions": progress.decisions,
            "seconds": round(progress.seconds, 1),
            "decisions_per_s": round(decisions / max(seconds, 1e-9)),
            "steps": self._learner.steps,
            "battles": progress.battles,
            "version": self._lineage.champion.version,
            "score": {name: round(score, 4) for name, score in anchors.items()},
            "replaced": self.pool.replaced if self.pool else 0,
            "waited_s": round(self.promotion.waited_s, 1),
        }
        progress.curve.append(entry)
        if len(progress.curve) > MOST_MOMENTS:
            del progress.curve[1::2]
        self._write({"event": "progress", **entry})
        self.board(entry)
        bar = "#" * int(20 * done)
        scores = " ".join(f"{name} {score:.0%}" for name, score in anchors.items())
        points = "" if rating is None else f"; rating {rating.points:.0f} ({rating.low:.0f} to {rating.high:.0f})"
        lost = f", {entry['replaced']} processes replaced" if entry["replaced"] else ""
        self._say(
            f"[{bar:<20}] {done:4.0%} {progress.decisions:,} decisions, {entry['decisions_per_s']:,}/s, "
            f"{left / 60:.1f} min left, {self._learner.steps:,} steps, version {entry['version']}; "
            f"{scores}{points}{lost}"
        )

    def _write(self, entry: Mapping[str, Any]) -> None:
        try:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(entry) + "\n")
        except OSError as error:  # the log is for people; training goes on without
            self._say(f"The log cannot be written ({error.strerror or error}).")

    def checkpoint(self, round_robin: RoundRobin) -> None:
        """Save everything that training goes on from; a failure is said, and the last checkpoint stays."""
        started = time.monotonic()
        workers, turn = round_robin.state()
        promotion, standing = self.promotion.state()
        parts = (
            ("learner", self._learner.state()),
            ("ring", self.ring.state()),
            ("promotion", promotion),
            ("round_robin", workers),
        )
        arrays = {f"{part}.{name}": array for part, named in parts for name, array in named.items()}
        notes: dict[str, Any] = {
            "progress": asdict(self.progress),
            "league": self.league.as_dict(),
            "promotion": standing,
        }
        notes |= {"round_robin": turn, "log_bytes": self._log.stat().st_size if self._log.exists() else 0}
        try:
            num_bytes = self._checkpoint_file.save(arrays, notes)
        except ModelError as error:
            self._say(str(error))
            return
        seconds = round(time.monotonic() - started, 2)
        self._write({"event": "checkpoint", "bytes": num_bytes, "seconds": seconds})

    def resume(self) -> None:
        """Go on from the last checkpoint; ModelError where there is none or it does not fit."""
        saved, sentences = self._checkpoint_file.load()
        for sentence in sentences:
            self._say(sentence)
        if saved is None:
            raise ModelError(f"{self._store.folder} holds no checkpoint to resume from; start without --resume.")
        arrays, notes = saved
        self._learner.restore(_part(arrays, "learner."))
        try:
            self.ring.restore(_part(arrays, "ring."))
            self.progress = Progress(**notes["progress"])
            self.league.restore(notes["league"])
            self.promotion.restore(_part(arrays, "promotion."), notes["promotion"])
            self._round_robin = _part(arrays, "round_robin."), notes["round_robin"]
            self._shorten_log(int(notes["log_bytes"]))
        except (ModelError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"The checkpoint does not fit: {error} Start without --resume.") from error
        self._say(f"Goes on from {self.progress.decisions:,} decisions and {self._learner.steps:,} steps.")

    def _shorten_log(self, num_bytes: int) -> None:
        """Without what was done after the checkpoint: it is done again, and comes out the same."""
        try:
            if self._log.stat().st_size > num_bytes:
                os.truncate(self._log, num_bytes)
        except OSError as error:
            self._say(f"The log cannot be shortened ({error.strerror or error}).")


def refuse_impossible(plan: Plan, learner: Learner) -> None:
    """SettingsError with the figures where processes and replay buffer cannot fit the free memory together."""
    import psutil

    row_bytes = 2 * (4 * learner.spec.observation_size + learner.spec.num_actions) + 64
    # A checkpoint holds the rows twice more for a moment: copied, and as the bytes of a file.
    needed = (plan.workers + 1) * WORKER_BYTES + LEARNER_BYTES + 3 * plan.capacity * row_bytes
    needed += plan.workers * LEARNER_BYTES if plan.acting else 0  # each of them with torch
    free = psutil.virtual_memory().available
    if needed > free:
        raise SettingsError(
            f"{plan.workers} workers and {plan.capacity:,} rows need {needed / 2**20:.0f} MiB, and {free / 2**20:.0f} "
            "MiB are free; take fewer workers or a smaller replay capacity."
        )


def _part(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays whose name begins with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
