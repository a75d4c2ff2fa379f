"""Builds the training loop on the thread that will own it: compiles the learning step, chooses the device, resumes."""

from __future__ import annotations

import gc
from functools import partial
from random import Random

import numpy as np

from cornerman.contract import Game, HeadlessGame, SettingsError
from cornerman.evaluation.arena import pair_seed
from cornerman.evaluation.gate import Judge, judge_for
from cornerman.experience.encoder import Encoder
from cornerman.experience.experience import Experience
from cornerman.experience.rewards import RewardCalculator
from cornerman.learning.compiled import CpuSteps, cpu_steps
from cornerman.learning.device import Choice, choose_device, configure_trainer_thread, learning_speed
from cornerman.learning.learner import Learner, build_learner
from cornerman.learning.sliced_burst import Flag
from cornerman.models.champions import Champions
from cornerman.models.store import Store
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.practice import Practice
from cornerman.settings import Settings
from cornerman.training.candidates import Candidates
from cornerman.training.metrics import Metrics
from cornerman.training.resume import Checkpoints
from cornerman.training.training_loop import Inbox, TrainingLoop, Updates


def build_loop(
    game: Game, settings: Settings, store: Store, champions: Champions, inbox: Inbox, metrics: Metrics, stop: Flag
) -> TrainingLoop:
    """The training loop of a running game, gone on from the last checkpoint. `stop` ends its slices early."""
    configure_trainer_thread()
    learner = learner_for(settings, champions.slot.champion.spec, store, metrics)
    _exclude_from_garbage_collection()
    metrics.set(loading="the stored battles")
    return assemble(game, settings, store, champions, inbox, metrics, learner, stop)


def assemble(
    game: Game,
    settings: Settings,
    store: Store,
    champions: Champions,
    inbox: Inbox,
    metrics: Metrics,
    learner: Learner,
    stop: Flag,
) -> TrainingLoop:
    """The training loop around a learner, gone on from the last checkpoint."""
    encoder = Encoder(game)
    checkpoints = Checkpoints(store.checkpoint, metrics.event)
    saved = checkpoints.load()
    learned = 0 if saved is None else sum(saved[1].transitions.values())
    seeds = [settings.seed, 1, *([learned] if learned else [])]  # no session draws what another one did
    sizes = (encoder.observation_size, encoder.num_actions)
    experience = Experience(sizes, settings, np.random.default_rng(seeds), store.battles)

    def new_judge(candidate: Policy, number: int) -> Judge:
        seed = pair_seed(settings.seed, number, "gate")
        return judge_for(game, encoder, settings, candidate, champions.slot, experience.held_out, seed)

    loop = TrainingLoop(
        settings,
        inbox,
        experience,
        Updates(learner, experience.buffers, settings, metrics, stop),
        Candidates(champions, new_judge, settings, metrics),
        practice_for(game, encoder, settings, champions, learned, metrics),
        checkpoints,
        metrics,
    )
    loop.resume(saved)
    return loop


def practice_for(
    game: Game, encoder: Encoder, settings: Settings, champions: Champions, learned: int, metrics: Metrics
) -> Practice | None:
    """Practice battles of a game that offers headless ones; `learned` transitions came before, for other battles."""
    if not isinstance(game, HeadlessGame) or settings.practice <= 0:
        return None
    rewards = RewardCalculator(settings.health_weight, settings.outcome_weight)
    random = Random(f"practice {settings.seed} {learned}" if learned else f"practice {settings.seed}")
    exploration = settings.exploration_fraction
    return Practice(game, encoder, rewards, random, lambda: champions.slot.line, exploration, metrics.event)


def learner_for(settings: Settings, spec: NetworkSpec, store: Store, metrics: Metrics) -> Learner:
    """The learner on its device, ready to learn; where it learns, and why, is in the metrics."""
    metrics.set(loading="the learning step")
    compiling = partial(metrics.set, loading="the learning step, compiled the first time only")
    on_cpu = cpu_steps(store.folder, compiling)
    metrics.set(loading="the device")
    choice = _device(settings, spec, on_cpu, metrics)
    learner = build_learner(spec, settings, choice.device, on_cpu.learn)
    why = choice.why if choice.device != "cpu" else f"{choice.why} {on_cpu.why_slow}".strip()
    metrics.set(device=learner.device, device_why=why, fault=learner.fault)
    if learner.fault:
        metrics.say(learner.fault)
    return learner


def _exclude_from_garbage_collection() -> None:
    """Keep Python's garbage collector from looking through what is loaded by now, with torch 180,000 objects.

    A full collection took 75 ms with them and 0.2 ms without, and it comes in mid-game, on whichever thread allocates.
    Once in a process, and not where the game has done so itself; what is garbage already is collected before.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


def _device(settings: Settings, spec: NetworkSpec, on_cpu: CpuSteps, metrics: Metrics) -> Choice:
    """Where to learn; a device that the settings ask for and that is not there is said, and the CPU learns."""
    try:
        measure = partial(learning_speed, on_cpu=on_cpu.learn)
        return choose_device(settings.device, spec, settings.batch_size, measure)
    except SettingsError as error:
        choice = Choice("cpu", f"{error} Learning runs on the CPU.")
        metrics.say(choice.why)
        return choice
