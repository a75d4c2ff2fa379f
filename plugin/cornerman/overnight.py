"""Bulk training over processes: workers collect, this process learns, one more judges candidates; weights go out, rows
come in, and a league decides who is met.

It takes answers in a fixed rotation and learns a fixed number of steps a row, so how fast the machine is does not
decide what is learned from when. Everything that goes on is in a checkpoint.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from cornerman.anchors import ANCHOR_BATTLES, anchor_points, present_rating
from cornerman.contract import BatchedGame, HeadlessGame, ModelError, SettingsError
from cornerman.crew import Crew, Hands
from cornerman.evaluation import pair_seed
from cornerman.league import League
from cornerman.learner import Learner
from cornerman.lineage import Lineage
from cornerman.policy import Policy
from cornerman.registry import Registry
from cornerman.replay import ReplayBuffer
from cornerman.resume_file import ResumeFile
from cornerman.settings import Settings
from cornerman.version_manifest import Provenance
from cornerman.worker import PRESENT

WORKER_BYTES, LEARNER_BYTES = 200 * 2**20, 600 * 2**20
"""What a worker and this process with torch take, measured with room to spare; the replay buffer comes on top."""
WAIT_S = 0.2
"""How long it waits for one worker before it looks after the judge again."""


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


@dataclass(slots=True)
class Progress:
    """What has been done so far, all sessions together."""

    decisions: int = 0
    battles: int = 0
    rows: int = 0
    candidates: int = 0
    promoted: int = 0
    seconds: float = 0.0
    owed: float = 0.0  # learning steps that the collected rows still pay for
    steps_at_candidate: int = 0
    actions: list[int] = field(default_factory=list)  # how often the present policy took each
    curve: list[dict[str, Any]] = field(default_factory=list)


class Overnight:
    """One run. Built and called by one thread; `close` ends the processes."""

    def __init__(
        self,
        game: HeadlessGame,
        game_name: str,
        settings: Settings,
        plan: Plan,
        registry: Registry,
        lineage: Lineage,
        learner: Learner,
        say: Callable[[str], None],
    ) -> None:
        """`learner` must have the plan's batch size; `board` and `new_crew` may be set
        later, for figures that go elsewhere too, and for workers that do.

        SettingsError where the memory cannot suffice."""
        refuse_impossible(plan, learner)
        self.game, self._settings, self._plan, self._say = game, settings, plan, say
        self._registry, self._lineage, self._learner = registry, lineage, learner
        spec = self._spec = learner.spec
        self.ring = ReplayBuffer(
            plan.capacity, spec.observation_size, spec.num_actions, np.random.default_rng([settings.seed, 6])
        )
        self.league, self.progress = League(list(game.rivals)), Progress(actions=[0] * spec.num_actions)
        self._batched = list(game.batched_rivals) if isinstance(game, BatchedGame) else list(game.rivals)
        folder = registry.folder / "bulk"
        folder.mkdir(exist_ok=True)
        self._log, self._checkpoint_file = folder / "log.jsonl", ResumeFile(folder)
        self._game_name = game_name
        self.crew: Hands | None = None
        self.new_crew: Callable[[str, tuple[int, ...], int, int], Hands] = Crew
        self.board: Callable[[Mapping[str, Any]], None] = lambda entry: None
        self._judging: Policy | None = None
        self._measuring = False
        self._anchors: dict[str, float] = {}
        self._learner.load(lineage.champion.flat)
        self._enter_champions()

    # -------------------------------------------------------------------------------------------------------- the run

    def run(self) -> None:
        """Train until the plan's end; an interrupt passes through after everything was saved."""
        plan = self._plan
        # Other seeds than before for battles that go on from a checkpoint: the same ones would be played again.
        seed = pair_seed(self._settings.seed, self.progress.decisions, "workers")
        self.crew = self.new_crew(self._game_name, self._spec.hidden, seed, plan.workers + 1)
        try:
            self._collect_and_learn(self.crew)
            self._judge_the_last(self.crew)
        finally:
            self.crew.close()
            self.checkpoint()

    def _collect_and_learn(self, crew: Hands) -> None:
        plan, progress = self._plan, self.progress
        first, before = progress.decisions, progress.seconds
        started = told = saved = time.monotonic()
        for which in range(plan.workers):
            crew.order(which, *self._collecting())
        if not self._anchors and len(self.league.scripted) > 1:
            crew.order(plan.workers, {}, {"kind": "measure", "seed": self._settings.seed, "battles": ANCHOR_BATTLES})
            self._measuring = True
        which = 0
        while self._share_done(progress.decisions - first, time.monotonic() - started) < 1.0:
            self._look_after_judge(crew, plan.workers)
            answer = crew.answer(which, WAIT_S)
            if answer is None:
                continue
            crew.order(which, *self._collecting())
            self._take(*answer)
            self._learn()
            which = (which + 1) % plan.workers
            now = time.monotonic()
            progress.seconds = before + now - started
            if now - told >= plan.report_s:
                told = now
                self._tell(progress.decisions - first, now - started)
            if now - saved >= plan.checkpoint_s:
                saved = now
                self.checkpoint()
        self._tell(progress.decisions - first, time.monotonic() - started)

    def _judge_the_last(self, crew: Hands) -> None:
        """Wait for the verdict under way, and put what was learned since then to the gate too."""
        judge = self._plan.workers
        while True:
            idle = self._judging is None and not self._measuring
            if idle and self._learner.steps == self.progress.steps_at_candidate:
                return
            self._look_after_judge(crew, judge, due=1)
            time.sleep(WAIT_S)

    def _share_done(self, decisions: int, seconds: float) -> float:
        if self._plan.decisions is not None:
            return decisions / self._plan.decisions
        return seconds / (60.0 * (self._plan.minutes or 10.0))

    def _collecting(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The order to collect with the present weights against the league."""
        arrays = {PRESENT: self._learner.averaged()}
        versions = {PRESENT: self._learner.steps}
        for policy in self._champions():
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
        return arrays, order

    def _take(self, columns: Mapping[str, Any], notes: Mapping[str, Any]) -> None:
        """Store an answer's rows and count its results."""
        progress = self.progress
        self.ring.append_many(columns)
        progress.rows += len(columns["action"])
        progress.decisions += int(notes["decisions"])
        progress.battles += int(notes["battles"])
        progress.actions = [a + b for a, b in zip(progress.actions, notes["actions"], strict=True)]
        progress.owed += len(columns["action"]) * self._plan.uses / self._plan.batch_size
        self.league.fade()
        for first, second, wins, draws, losses in notes["tallies"]:
            if first == PRESENT:
                self.league.count(second, wins, draws, losses)
            elif second == PRESENT:
                self.league.count(first, losses, draws, wins)

    def _learn(self) -> None:
        """Whole bursts of what is owed."""
        burst = self._settings.burst_steps
        while self.progress.owed >= burst:
            self.progress.owed -= burst
            self._learner.learn_burst(self.ring.sample(burst * self._plan.batch_size))

    # ------------------------------------------------------------------------------------------- judging, promoting

    def _look_after_judge(self, crew: Hands, judge: int, due: int | None = None) -> None:
        """Put a candidate to the gate after `due` learning steps since the last one, and take in its verdict."""
        steps, progress = self._learner.steps, self.progress
        if self._measuring:
            answer = crew.answer(judge, 0.0)
            if answer is None:
                return
            self._measuring = False
            self._anchors = anchor_points(answer[1]["met"], self.league.scripted[0])
        if self._judging is None and steps - progress.steps_at_candidate >= (due or self._plan.candidate_steps):
            progress.steps_at_candidate = steps
            progress.candidates += 1
            self._judging = Policy(self._spec, self._learner.averaged())
            champions = self._champions()
            arrays = {"candidate": self._judging.flat, "champion": champions[-1].flat, "oldest": champions[0].flat}
            order = {
                "kind": "judge",
                "candidate": progress.candidates,
                "seed": pair_seed(self._settings.seed, progress.candidates, "gate"),
                "min_pairs": self._settings.gate_min_pairs,
                "max_pairs": self._settings.gate_max_pairs,
            }
            crew.order(judge, arrays, order)
        if self._judging is not None:
            answer = crew.answer(judge, 0.0)
            if answer is not None:
                candidate, self._judging = self._judging, None
                self._decide(candidate, answer[1]["verdict"])

    def _decide(self, candidate: Policy, verdict: Mapping[str, Any]) -> None:
        self._write({"event": "verdict", "candidate": self.progress.candidates, "reason": verdict["reason"]})
        if not verdict["promote"]:
            return
        rows = {"self-play": self.progress.rows}
        provenance = Provenance(self._registry.champion, self._learner.steps, rows, verdict)
        try:
            version = self._registry.save(candidate.flat, provenance, spec=candidate.spec)
            self._registry.promote(version)
        except ModelError as error:  # a full disk must not end the night: a later candidate is tried again
            self._say(f"A better version was found, but could not be kept. {error}")
            return
        self.progress.promoted += 1
        self._lineage.promote(Policy(candidate.spec, candidate.flat, version))
        self._enter_champions()
        self._say(f"  Version {version} passed the gate and now plays. {verdict['reason']}")

    def _champions(self) -> list[Policy]:
        """Those of the kept champions that have this network's shape; the one that plays is the last."""
        return [policy for policy in self._lineage.line if policy.spec == self._spec]

    def _enter_champions(self) -> None:
        self.league.enter([f"version {policy.version}" for policy in self._champions()])

    # -------------------------------------------------------------------------------------------- telling and saving

    def _tell(self, decisions: int, seconds: float) -> None:
        progress, done = self.progress, min(1.0, self._share_done(decisions, seconds))
        left = seconds * (1.0 - done) / done if done > 0.0 else 0.0
        anchors = {name: self.league.standings[name].recent_score for name in self.league.scripted}
        rating = present_rating(self.league.standings, self._anchors)
        entry = {
            "rating": None if rating is None else round(rating.points),
            "decisions": progress.decisions,
            "seconds": round(progress.seconds, 1),
            "decisions_per_s": round(decisions / max(seconds, 1e-9)),
            "steps": self._learner.steps,
            "battles": progress.battles,
            "version": self._lineage.champion.version,
            "score": {name: round(score, 4) for name, score in anchors.items()},
            "replaced": self.crew.replaced if self.crew else 0,
        }
        progress.curve.append(entry)
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

    def checkpoint(self) -> None:
        """Save everything that training goes on from; a failure is said, and the last checkpoint stays."""
        arrays = {f"learner.{name}": array for name, array in self._learner.state().items()}
        arrays |= {f"ring.{name}": array for name, array in self.ring.state().items()}
        notes = {"progress": asdict(self.progress), "league": self.league.as_dict()}
        try:
            self._checkpoint_file.save(arrays, notes)
        except ModelError as error:
            self._say(str(error))

    def resume(self) -> None:
        """Go on from the last checkpoint; ModelError where there is none or it does not fit."""
        saved, sentences = self._checkpoint_file.load()
        for sentence in sentences:
            self._say(sentence)
        if saved is None:
            raise ModelError(f"{self._registry.folder} holds no checkpoint to resume from; start without --resume.")
        arrays, notes = saved
        parts = {
            part: {
                name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")
            }
            for part in ("learner", "ring")
        }
        self._learner.restore(parts["learner"])
        try:
            self.ring.restore(parts["ring"])
            self.progress = Progress(**notes["progress"])
            self.league.restore(notes["league"])
        except (ValueError, TypeError, KeyError) as error:
            raise ModelError(f"The checkpoint does not fit this plan: {error} Start without --resume.") from error
        self._say(f"Goes on from {self.progress.decisions:,} decisions and {self._learner.steps:,} steps.")


def refuse_impossible(plan: Plan, learner: Learner) -> None:
    """SettingsError with the figures where processes and replay buffer cannot fit the free memory together."""
    import psutil

    row_bytes = 2 * (4 * learner.spec.observation_size + learner.spec.num_actions) + 64
    # A checkpoint holds the rows twice more for a moment: copied, and as the bytes of a file.
    needed = (plan.workers + 1) * WORKER_BYTES + LEARNER_BYTES + 3 * plan.capacity * row_bytes
    free = psutil.virtual_memory().available
    if needed > free:
        raise SettingsError(
            f"{plan.workers} workers and {plan.capacity:,} rows need {needed / 2**20:.0f} MiB, and {free / 2**20:.0f} "
            "MiB are free; take fewer workers or a smaller replay capacity."
        )


def _part(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays whose name begins with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
