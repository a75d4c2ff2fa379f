"""Builds the training loop on the thread that will own it: compiles the learning step, chooses the device, resumes."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from cornerman.contract import BattleEnd, Game, HeadlessGame, SettingsError, Transition
from cornerman.evaluation.arena import pair_seed
from cornerman.experience.encoder import Encoder
from cornerman.experience.experience import Experience, Inbox
from cornerman.learning.compiled import CpuSteps, cpu_steps
from cornerman.learning.device import (
    Choice,
    choose_device,
    configure_trainer_thread,
    learning_speed,
    signs_of_accelerators,
)
from cornerman.learning.learner import Learner, build_learner
from cornerman.learning.sliced_burst import Flag
from cornerman.learning.teachers import Teachers
from cornerman.learning.updates import Updates
from cornerman.models.champions import Champions
from cornerman.models.store import Store
from cornerman.opponent.players import Players
from cornerman.opponent.record import Record
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.search.thought import knowledge
from cornerman.selfplay.league import Opponents
from cornerman.selfplay.live_worker import LiveWorker, Practice
from cornerman.selfplay.worker_process import WorkerError
from cornerman.settings import Settings
from cornerman.training.candidates import BattleJudge, Candidates
from cornerman.training.metrics import Metrics
from cornerman.training.resume import Checkpoints
from cornerman.training.training_loop import TrainingLoop

PRESENT_S, PLAYERS_S = 5.0, 1.0
"""How much longer loading may take for the model of the player who played last, and until there are those of others."""
FROZEN_BY_PYTHON = 1_000
"""More objects than Python keeps out of collections by itself: 375 in 3.12, none in 3.11 and 3.13."""


@dataclass(frozen=True, slots=True)
class Means:
    """Parts of a training loop: the learner, the flag that ends its slices, and the worker, if there is one."""

    learner: Learner
    stop: Flag
    worker: LiveWorker | None = None


def prepare_means(
    settings: Settings,
    spec: NetworkSpec,
    store: Store,
    metrics: Metrics,
    stop: Flag,
    draws: Callable[[], bool],
    worker: LiveWorker | None,
) -> Means:
    """What takes long to load and needs no file of the player's. `stop` ends slices early; `draws`: whether the game
    has drawn a frame."""
    configure_trainer_thread()
    learner = learner_for(settings, spec, store, metrics, draws)
    _exclude_from_garbage_collection()
    metrics.set(loading="the stored battles")
    return Means(learner, stop, worker)


def assemble(
    game: Game,
    settings: Settings,
    store: Store,
    champions: Champions,
    inbox: Inbox,
    metrics: Metrics,
    means: Means,
) -> TrainingLoop:
    """The training loop around a learner, resumed from the last checkpoint."""
    encoder = Encoder(game)
    checkpoints = Checkpoints(store.checkpoint, metrics.event)
    saved = checkpoints.load()
    learned = 0 if saved is None else sum(saved[1].transitions.values())
    seeds = [settings.seed, 1, *([learned] if learned else [])]  # other draws in every session
    sizes = (encoder.observation_size, encoder.num_actions)
    teachers = Teachers(encoder.declaration)
    players = players_of(champions, encoder, settings, metrics, means.worker)

    def battle_over(rows: Sequence[Transition], end: BattleEnd) -> None:
        teachers.end(rows, end)
        players.end(rows, end)

    experience = Experience(sizes, settings, np.random.default_rng(seeds), store.battles, inbox, battle_over)
    practice = practice_for(game, settings, means.worker, learned, metrics)
    loop = TrainingLoop(
        settings,
        experience,
        players,
        Updates(means.learner, experience.buffers, teachers, settings, metrics, means.stop),
        candidates_of(champions, practice, encoder.declaration.own_fighter, settings, metrics),
        practice,
        checkpoints,
        metrics,
    )
    loop.resume(saved)
    players.show_record()
    metrics.set(loading="what is known of the player")
    return loop


def players_of(
    champions: Champions, encoder: Encoder, settings: Settings, metrics: Metrics, worker: LiveWorker | None
) -> Players:
    """Models of the game's players, laid over the champion; the metrics hold what is known of the present one, the
    slot its ghost, and the worker looks ahead with it."""

    def changed(players: Players) -> None:
        metrics.set(player=players.report())
        champions.slot.ghost = players.ghost()
        champion, model = champions.slot.champion, players.model
        if worker is not None and (worker.knows is not None or not champion.indifferent):
            arrays = {} if model is None else model.arrays()
            worker.know(champion, knowledge(champion, arrays, settings.health_weight, settings.outcome_weight))

    def counted(record: Record, unlearned: int) -> None:
        metrics.set(chance=record.chance(), shares=tuple(record.shares), unlearned=unlearned)

    declared = encoder.declaration
    return Players(
        lambda: champions.slot.champion,
        encoder.feature_names,
        declared.action_names,
        declared.divisors,
        changed,
        counted,
        champions.slot.policy_of,
    )


def learn_players(players: Players, draws: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
    """Learn from the stored battles of players, so that the first battle finds a model; the rest in the windows, as all
    of it where the game draws already, or ends."""
    begun = clock()
    while not draws() and clock() - begun < (PRESENT_S if players.unlearned else PLAYERS_S) and players.advance():
        pass


def candidates_of(
    champions: Champions, practice: Practice | None, own_fighter: str, settings: Settings, metrics: Metrics
) -> Candidates:
    """Candidates judged by headless battles where they can be played, against somebody who can play; else live."""

    def headless() -> bool:
        return practice is not None and not practice.failed and bool(champions.slot.players or own_fighter)

    def new_judge(candidate: Policy, number: int) -> BattleJudge:
        opponents = champions.slot.players or own_fighter
        return BattleJudge(candidate, opponents, settings, pair_seed(settings.seed, number, "gate"), champions.bar())

    return Candidates(champions, new_judge, settings, metrics, metrics.event, headless)


def practice_for(
    game: Game, settings: Settings, worker: LiveWorker | None, learned: int, metrics: Metrics
) -> Practice | None:
    """Practice and judging by a worker, started here; None where there is none, with a message where it fails to start.

    `learned` transitions of earlier sessions seed its battles, so that every session plays other ones.
    """
    if worker is None or not isinstance(game, HeadlessGame):
        return None
    metrics.set(loading="the worker for practice")
    try:
        worker.start(pair_seed(settings.seed, learned, "practice"))
    except WorkerError as error:
        metrics.say(f"Practice is off, and candidates are tried in some of the live battles: {error}.")
        return None
    return Practice(worker, Opponents(game), settings)


def learner_for(
    settings: Settings, spec: NetworkSpec, store: Store, metrics: Metrics, draws: Callable[[], bool]
) -> Learner:
    """The learner on its device, ready to learn; the metrics hold the device and the reason for it.

    Once the game `draws`, it learns with numpy while the learning step is compiled for the first time; before, that is
    waited for, so that what is learned without frames depends on no clock.
    """
    metrics.set(loading="the learning step")
    compiling = partial(metrics.set, loading="the learning step, compiled the first time only")
    choice = Choice("cpu", "")

    def why(steps: CpuSteps) -> str:
        return choice.why if choice.device != "cpu" else f"{choice.why} {steps.why_slow}".strip()

    def changed(steps: CpuSteps) -> None:
        metrics.set(device_why=why(steps))
        metrics.event(steps.why_slow or "The learning step is compiled: it learns as machine code from now on.")

    compared = settings.device == "auto" and signs_of_accelerators()  # with the speed of the compiled steps
    on_cpu = cpu_steps(store.folder, compiling, lambda: draws() and not compared, changed)
    metrics.set(loading="the device")
    choice = _device(settings, spec, on_cpu, metrics)
    learner = build_learner(spec, settings, choice.device, on_cpu.learn)
    metrics.set(device=learner.device, device_why=why(on_cpu), fault=learner.fault)
    if learner.fault:
        metrics.say(learner.fault)
    return learner


def _exclude_from_garbage_collection() -> None:
    """Keep Python's garbage collector from looking through what is loaded by now, with torch 180,000 objects.

    A full collection took 75 ms with them and 0.2 ms without, and it comes in mid-game, on whichever thread allocates.
    Once in a process, and not where the game has done so itself; what is garbage already is collected before.
    """
    if gc.get_freeze_count() < FROZEN_BY_PYTHON:
        gc.collect()
        gc.freeze()


def _device(settings: Settings, spec: NetworkSpec, on_cpu: CpuSteps, metrics: Metrics) -> Choice:
    """The device to learn on; where the one in the settings is missing, a message says so and the CPU learns."""
    try:
        measure = partial(learning_speed, on_cpu=on_cpu.learn)
        return choose_device(settings.device, spec, settings.batch_size, measure)
    except SettingsError as error:
        choice = Choice("cpu", f"{error} Learning runs on the CPU.")
        metrics.say(choice.why)
        return choice
