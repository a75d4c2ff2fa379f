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
from typing import TYPE_CHECKING, Any

from cornerman.contract import BatchedGame, CornermanError, HeadlessGame, SettingsError
from cornerman.plugin import Cornerman
from cornerman.settings import read_settings, with_values

if TYPE_CHECKING:
    from cornerman.learning.device import Choice
    from cornerman.learning.learner import Learner
    from cornerman.training.bulk.loop import Plan

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

    `options` are fields of `bulk_loop.Plan`, "report_battles" a pair in the cross table, "tensorboard", a folder, and
    "ray", the address of a cluster ("" for one of its own). An interrupt ends it early, and everything is saved; a
    second one does not wait for that.
    """
    _need_torch()
    from cornerman.learning.device import choose_device, configure_trainer_thread
    from cornerman.learning.learner import build_learner
    from cornerman.selfplay.ray_pool import RayPool
    from cornerman.training.bulk.board import tensorboard
    from cornerman.training.bulk.loop import BulkLoop, Plan
    from cornerman.training.bulk.report import write_report

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
        spec = plugin.slot.champion.spec
        choice = choose_device(settings.device, spec, plan.batch_size)
        learner = build_learner(spec, replace(settings, batch_size=plan.batch_size), choice.device)
        plan, devices = _on_devices(game, plan, learner, choice, settings.burst_steps, address is not None)
        for chosen in devices.values():
            say(chosen.why)
        bulk_loop = BulkLoop(game, game_name, settings, plan, plugin.store, plugin.slot, learner, say)
        bulk_loop.board, bulk_loop.devices = board or bulk_loop.board, devices
        if address is not None:
            bulk_loop.new_pool = partial(RayPool, address=address)
        if resume:
            bulk_loop.resume()
        with Interrupts() as interrupted:
            done = bulk_loop.run(interrupted)
        if not done:
            say("Stopped; everything is saved, and --resume goes on from here.")
        say(write_report(bulk_loop, plugin.slot, data / "bulk", report_battles))
        say(f"Version {plugin.slot.champion.version} plays. It is stored in {data}")
        return plugin.slot.champion.version
    finally:
        plugin.store.close()


def _on_devices(
    game: HeadlessGame, plan: Plan, learner: Learner, choice: Choice, burst_steps: int, elsewhere: bool
) -> tuple[Plan, dict[str, Choice]]:
    """The plan with where workers act and batches are picked, each chosen by a timing at the size that it will have.

    With numpy where learning is on the CPU: then there is nothing to time. `elsewhere`: the workers are not here.
    """
    if choice.device == "cpu":
        return plan, {"learning": choice}
    from cornerman.learning.accelerator.device_actor import NUMPY, choose_acting
    from cornerman.learning.accelerator.device_replay import HERE, choose_rows
    from cornerman.learning.device import Choice
    from cornerman.selfplay.worker import BATCHED, SCALAR
    from cornerman.training.bulk.loop import refuse_impossible

    spec, together = learner.spec, BATCHED if isinstance(game, BatchedGame) else SCALAR
    acting = Choice(NUMPY, "Workers on Ray act with numpy: what is measured here says nothing of their machines.")
    if not elsewhere:
        acting = choose_acting(choice.device, spec, 2 * together // 3)  # so many rows a turn are the present policy's
    rows = choose_rows(choice.device, spec, burst_steps * plan.batch_size)
    device = "" if acting.device == NUMPY else acting.device
    try:
        refuse_impossible(replace(plan, acting=device), learner)
    except SettingsError as error:  # torch in every worker takes memory that numpy does not; without, it may fit
        device, acting = "", replace(acting, device=NUMPY, why=f"It acts with numpy. On {acting.device}: {error}")
    plan = replace(plan, acting=device, rows_on="" if rows.device == HERE else rows.device)
    return plan, {"learning": choice, "acting": acting, "rows": rows}


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
    # The command's own needs go over the player's file: a trainer's thread beside this one, or no practice, never ends.
    settings = with_values(read_settings(data / "settings.toml"), {"seed": seed, "practice": 1.0}, "this command")
    plugin.load(game, data, settings, "cornerman train")
    training = plugin.prepare()
    first = training.recorded
    start = told = time.monotonic()
    events = plugin.metrics.num_events
    say(f"{'minutes':>8} {'decisions':>10} {'steps':>9} {'steps/s':>8} {'version':>8} {'accuracy':>9}")
    try:
        while not _enough(training.recorded - first, decisions, time.monotonic() - start, minutes):
            training.practise(1.0)
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
        plugin.store.close()
    say(_row(plugin, training.recorded - first, time.monotonic() - start))
    say(f"Version {plugin.slot.champion.version} plays. It is stored in {data}")
    return plugin.slot.champion.version


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
