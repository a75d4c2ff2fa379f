"""What learns, built on the thread that will own it: the device is chosen and the learner warmed up. Needs torch."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import numpy as np

from cornerman.contract import Game, SettingsError
from cornerman.learning.device import Choice, choose_device, configure_trainer_thread
from cornerman.learning.learner import build_learner
from cornerman.training.training_loop import Inbox, TrainingLoop

if TYPE_CHECKING:
    from cornerman.plugin import Cornerman


def prepare(plugin: Cornerman, game: Game, inbox: Inbox, random: np.random.Generator) -> TrainingLoop:
    """The training of a loaded plugin, gone on from where the last session stopped; `random` goes on there too."""
    configure_trainer_thread()
    plugin.metrics.set(loading="the device")
    spec, settings = plugin.slot.champion.spec, plugin.settings
    choice = _device(plugin)
    learner = build_learner(spec, settings, choice.device)
    if plugin.trainer is not None:  # asked each time, because a device that fails is left for the CPU
        plugin.trainer.windows.starvation.measures_processor = lambda: learner.device.type == "cpu"
    plugin.metrics.set(loading="a few rounds to warm up")
    learner.warm_up()
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
    plugin.metrics.set(device=learner.device.type, device_why=choice.why, fault=learner.fault)
    if learner.fault:
        plugin.say(learner.fault)
    return training


def _set_aside() -> None:
    """Python's garbage collector need not look through what is loaded by now: with torch that are 180,000 objects.

    A full collection took 75 ms with them and 0.2 ms without, and it comes in mid-game, on whichever thread allocates.
    Once in a process, and not where the game has done so itself; what is garbage already is collected before.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


def _device(plugin: Cornerman) -> Choice:
    """Where to learn; a device that the settings ask for and that is not there is said, and the CPU learns."""
    settings = plugin.settings
    try:
        return choose_device(settings.device, plugin.slot.champion.spec, settings.batch_size)
    except SettingsError as error:
        choice = Choice("cpu", f"{error} It learns on the CPU.")
        plugin.say(choice.why)
        return choice
