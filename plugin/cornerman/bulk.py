"""`cornerman train`: over processes, or with the plugin's own pipeline on the calling thread.

The composition root of bulk training; torch is imported only when it begins.
"""

from __future__ import annotations

import importlib.util
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cornerman.contract import CornermanError, HeadlessGame
from cornerman.plugin import Cornerman
from cornerman.settings import read_settings, with_values

REPORT_PERIOD_S = 10.0


def train_over_processes(
    game: HeadlessGame,
    game_name: str,
    data: Path,
    options: Mapping[str, Any],
    seed: int,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> int:
    """Train with workers until the plan's end, then report; returns the version that plays then.

    `options` are fields of `overnight.Plan`, "report_battles" a pair in the cross table, "tensorboard", a folder, and
    "ray", the address of a cluster ("" for one of its own). An interrupt ends it early, and everything is saved; a
    second one does not wait for that.
    """
    _need_torch()
    from cornerman.board import tensorboard
    from cornerman.hardware import choose_device, configure_trainer_thread
    from cornerman.learner import build_learner
    from cornerman.overnight import Overnight, Plan
    from cornerman.overnight_report import write_report
    from cornerman.ray_crew import RayCrew

    plugin = Cornerman()
    values = dict(options)
    report_battles = int(values.pop("report_battles", 40))
    folder, address = values.pop("tensorboard", None), values.pop("ray", None)
    board = tensorboard(Path(folder)) if folder else None
    plan = Plan(**values)
    settings = with_values(read_settings(data / "settings.toml"), {"seed": seed}, "this command")
    plugin.load(game, data, settings, "cornerman train")
    try:
        configure_trainer_thread()
        spec = plugin.lineage.champion.spec
        choice = choose_device(settings.device, spec, plan.batch_size)
        say(choice.why)
        learner = build_learner(spec, replace(settings, batch_size=plan.batch_size), choice.device)
        overnight = Overnight(game, game_name, settings, plan, plugin.registry, plugin.lineage, learner, say)
        overnight.board = board or overnight.board
        if address is not None:
            overnight.new_crew = partial(RayCrew, address=address)
        if resume:
            overnight.resume()
        with Interrupts() as interrupted:
            done = overnight.run(interrupted)
        if not done:
            say("Stopped; everything is saved, and --resume goes on from here.")
        say(write_report(overnight, plugin.lineage, data / "bulk", report_battles))
        say(f"Version {plugin.lineage.champion.version} plays. It is stored in {data}")
        return plugin.lineage.champion.version
    finally:
        plugin.lock.release()


class Interrupts:
    """While it is entered, a first Ctrl-C or SIGTERM is noted, and only a second one raises KeyboardInterrupt.

    So that what goes on is stopped between two steps, and what is saved is whole. The main thread's, as signals are.
    """

    def __enter__(self) -> Callable[[], bool]:
        self._noted = False
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return lambda: self._noted

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, *_: object) -> None:
        if self._noted:
            raise KeyboardInterrupt
        self._noted = True


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise CornermanError("torch is not installed, and nothing can be learned without it (pip install torch).")


def train(
    game: HeadlessGame,
    data: Path,
    decisions: int | None,
    minutes: float | None,
    seed: int,
    say: Callable[[str], None] = print,
) -> int:
    """Spar and learn until `decisions` are recorded or `minutes` are over; returns the version that plays then.

    An interrupt ends it early. What passed the gate and the learner's state are saved either way.
    """
    _need_torch()
    plugin = Cornerman()
    # The command's own needs go over the player's file: a trainer's thread beside this one, or no sparring, never ends.
    settings = with_values(read_settings(data / "settings.toml"), {"seed": seed, "sparring": 1.0}, "this command")
    plugin.load(game, data, settings, "cornerman train")
    training = plugin.prepare()
    first = training.recorded
    start = told = time.monotonic()
    events = plugin.metrics.num_events
    say(f"{'minutes':>8} {'decisions':>10} {'steps':>9} {'steps/s':>8} {'version':>8} {'accuracy':>9}")
    try:
        while not _enough(training.recorded - first, decisions, time.monotonic() - start, minutes):
            training.spar(1.0)
            while training.slice():
                pass
            for event in reversed(plugin.metrics.events()[: plugin.metrics.num_events - events]):
                say(f"  {event['text']}")
            events = plugin.metrics.num_events
            if time.monotonic() - told >= REPORT_PERIOD_S:
                told = time.monotonic()
                say(_row(plugin, training.recorded - first, told - start))
    except KeyboardInterrupt:
        say("Stopped.")
    finally:
        training.close()
        plugin.lock.release()
    say(_row(plugin, training.recorded - first, time.monotonic() - start))
    say(f"Version {plugin.lineage.champion.version} plays. It is stored in {data}")
    return plugin.lineage.champion.version


def _enough(recorded: int, decisions: int | None, seconds: float, minutes: float | None) -> bool:
    return (decisions is not None and recorded >= decisions) or (minutes is not None and seconds >= 60.0 * minutes)


def _row(plugin: Cornerman, recorded: int, seconds: float) -> str:
    report = plugin.report()
    learner = report["learner"]
    accuracy = learner["accuracy"]
    return (
        f"{seconds / 60:>8.1f} {recorded:>10} {learner['steps']:>9} {learner['steps_per_s'] or 0:>8.0f} "
        f"{report['version']:>8} {'-' if accuracy is None else f'{accuracy:.0%}':>9}"
    )
