"""What learns, built on the thread that will own it: the device is chosen, and the learning step compiled."""

from __future__ import annotations

import gc
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cornerman.contract import Game, SettingsError
from cornerman.learning.compiled import CpuSteps, cpu_steps
from cornerman.learning.device import Choice, choose_device, configure_trainer_thread, learning_speed
from cornerman.learning.learner import build_learner
from cornerman.training.training_loop import Inbox, TrainingLoop

if TYPE_CHECKING:
    from cornerman.plugin import Cornerman


def prepare(plugin: Cornerman, game: Game, inbox: Inbox, random: np.random.Generator) -> TrainingLoop:
    """The training of a loaded plugin, gone on from where the last session stopped; `random` goes on there too."""
    configure_trainer_thread()
    spec, settings, metrics = plugin.slot.champion.spec, plugin.settings, plugin.metrics
    metrics.set(loading="the learning step")
    compiling = partial(metrics.set, loading="the learning step, compiled the first time only")
    on_cpu = cpu_steps(plugin.store.folder, compiling)
    metrics.set(loading="the device")
    choice = _device(plugin, on_cpu)
    learner = build_learner(spec, settings, choice.device, on_cpu.learn)
    if plugin.trainer is not None:  # asked each time, because a device that fails is left for the CPU
        plugin.trainer.windows.starvation.measures_processor = lambda: learner.device == "cpu"
    _set_aside()
    plugin.metrics.set(loading="what it remembers")
    champions, checkpoint = plugin.champions, plugin.store.checkpoint
    training = TrainingLoop(game, settings, inbox, champions, checkpoint, plugin.metrics, learner, plugin.safe)
    if plugin.trainer is not None:
        plugin.trainer.windows.stop = training.stop
    training.beside = lambda: {"random": random.bit_generator.state}
    beside = training.resume()
    if "random" in beside:
        random.bit_generator.state = beside["random"]
    why = choice.why if choice.device != "cpu" else f"{choice.why} {on_cpu.why_slow}".strip()
    plugin.metrics.set(device=learner.device, device_why=why, fault=learner.fault)
    if learner.fault:
        plugin.say(learner.fault)
    return training


def _set_aside() -> None:
    """Keep Python's garbage collector from looking through what is loaded by now, with torch 180,000 objects.

    A full collection took 75 ms with them and 0.2 ms without, and it comes in mid-game, on whichever thread allocates.
    Once in a process, and not where the game has done so itself; what is garbage already is collected before.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


def _device(plugin: Cornerman, on_cpu: CpuSteps) -> Choice:
    """Where to learn; a device that the settings ask for and that is not there is said, and the CPU learns."""
    settings = plugin.settings
    try:
        measure = partial(learning_speed, on_cpu=on_cpu.learn)
        return choose_device(settings.device, plugin.slot.champion.spec, settings.batch_size, measure)
    except SettingsError as error:
        choice = Choice("cpu", f"{error} Learning runs on the CPU.")
        plugin.say(choice.why)
        return choice
