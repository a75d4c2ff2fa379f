"""`cornerman train`: builds what bulk training needs, runs it, and reports; an interrupt ends it in order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from math import sqrt
from pathlib import Path

from cornerman.contract import HeadlessGame, ModelError
from cornerman.experience.encoder import Encoder
from cornerman.files.figures_log import FiguresLog, TensorBoard
from cornerman.learning.compiled import cpu_steps
from cornerman.learning.device import Choice, choose_device, configure_trainer_thread, learning_speed
from cornerman.learning.learner import Learner, build_learner
from cornerman.learning.update import LearnSteps
from cornerman.models.champions import Champions
from cornerman.models.manifest import Identity
from cornerman.models.store import Store
from cornerman.policy.policy_slot import PolicySlot
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.pool import AnyWorker
from cornerman.selfplay.ray_pool import RayCluster
from cornerman.selfplay.worker_process import WorkerProcess
from cornerman.settings import Settings, read_settings, with_values
from cornerman.training.bulk.bar import Bar
from cornerman.training.bulk.ladder import Snapshots, make_ladder
from cornerman.training.bulk.log import BulkLog
from cornerman.training.bulk.loop import BulkLoop
from cornerman.training.bulk.plan import LARGER, Plan, on_devices
from cornerman.training.bulk.report import write_report

REPORTING = "Playing the battles of the report"


def train(
    game: HeadlessGame,
    game_name: str,
    data: Path,
    plan: Plan,
    seed: int,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> int:
    """Train until the plan's end, then report; returns the version that plays then.

    `game_name` is what `find_game` understands; it must name the same game in another process. An interrupt ends it
    early, everything saved, without the report's battles; a second one does not wait. A report leaves the folder free.
    """
    settings = with_values(read_settings(data / "settings.toml"), {"seed": seed}, "this command")
    bar, encoder = Bar(say), Encoder(game)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, settings.hidden_layers(headless=True))
    with Interrupts() as interrupted:
        with Store(data, Identity.of(game, encoder), spec, "cornerman train") as store:
            champions = _stored_champions(store, settings, bar.say)
            log = _log(data, store.bulk_folder, settings, plan.tensorboard, bar)
            on_cpu = cpu_steps(data, partial(say, "Compiling the learning step, the first time only ..."))
            learner, plan, devices = _learner(plan, settings, champions.slot.champion.spec, on_cpu.learn)
            machine = [*filter(None, [on_cpu.why_slow]), *(choice.why for choice in devices.values())]
            say("\n".join(machine))
            with _workers(game_name, plan, learner.spec.hidden) as start_worker, bar:
                loop = BulkLoop(game, settings, plan, store, champions, learner, log, start_worker)
                if resume:
                    loop.resume()
                log.write({"event": "devices", **{what: asdict(choice) for what, choice in devices.items()}})
                done = loop.run(interrupted)
        if not done:
            say("Stopped; everything is saved, and --resume goes on from here.")
        if done and plan.ladder_battles:
            say(_make_ladder(game, data, champions.slot, loop.snapshots, plan, seed, bar, interrupted))
        promoted, machine = champions.slot.champions, [*machine, *loop.faults]
        stopped = bar.during(REPORTING, interrupted)
        say(write_report(store.bulk_folder, game, promoted, loop.progress, machine, plan.report_battles, stopped))
    say(f"{_who_plays(champions, encoder.declaration.own_fighter, loop.promotion.reason)} is stored in {data}")
    return promoted[-1].version


def _log(data: Path, bulk_folder: Path, settings: Settings, tensorboard: Path | None, bar: Bar) -> BulkLog:
    """The logs of the run, in a folder that is made; CornermanError where `tensorboard`, a folder, is given and its
    package is missing."""
    bulk_folder.mkdir(exist_ok=True)
    board = None if tensorboard is None else TensorBoard(tensorboard)
    figures = FiguresLog(data, settings.log_interval_s, bar.say, None if board is None else lambda: board)
    return BulkLog(bulk_folder / "log.jsonl", bar.say, figures, bar)


def _make_ladder(
    game: HeadlessGame,
    data: Path,
    slot: PolicySlot,
    snapshots: Snapshots,
    plan: Plan,
    seed: int,
    bar: Bar,
    stopped: Callable[[], bool],
) -> str:
    """Make the champion's ladder and store it with the version; what became of it. The store must not be open."""
    champion = slot.champion
    before = [rung.policy for rung in slot.rungs[:-1] if rung.policy.spec == champion.spec and not rung.temperature]
    earlier = [*before, *snapshots.policies(champion.spec)]
    ladder = make_ladder(game, champion, earlier, plan.ladder_battles, seed, bar, stopped)
    if ladder is None:
        return "No ladder for the levels of difficulty: no five strengths apart were found, or it was stopped."
    try:
        with Store(data, Identity.of(game, Encoder(game)), who="cornerman train") as store:
            store.registry.save_ladder(champion.version, ladder)
    except ModelError as error:
        return f"The ladder for the levels of difficulty could not be stored. {error}"
    points = ", ".join(f"{rung.points:.0f}" for rung in (*ladder.rungs[ladder.first :], ladder.top))
    return f"Levels of difficulty, in points above the weakest bot: {points}."


def _stored_champions(store: Store, settings: Settings, say: Callable[[str], None]) -> Champions:
    """The champions, with an untrained version in a new folder; ModelError where the disk refuses that."""
    champions = Champions(store, settings.seed, say, say, settings.from_nothing)
    if champions.slot.champion.version < 0:
        raise ModelError(f"Nothing can be stored in {store.folder}, so nothing is trained.")
    return champions


def _who_plays(champions: Champions, own_fighter: str, reason: str) -> str:
    """Who plays from now on, and where that is no version the `reason` of the last verdict; "": there was none."""
    if champions.slot.players or not own_fighter:
        return f"Version {champions.slot.champion.version} plays. It"
    why = reason.removeprefix("Kept the champion: ") or "no candidate was judged in this run."
    return f"No version is better than the game's own fighter, {own_fighter}, yet: {why} All"


def _learner(
    plan: Plan, settings: Settings, spec: NetworkSpec, on_cpu: LearnSteps
) -> tuple[Learner, Plan, dict[str, Choice]]:
    """The learner on the device that a timing chose, the plan with devices for the rest, and why, by what is done."""
    configure_trainer_thread()
    usual = plan.batch_size
    choice = choose_device(settings.device, spec, LARGER * usual, partial(learning_speed, on_cpu=on_cpu))
    plan, devices = on_devices(plan, choice, spec, settings.burst_steps)
    rate = settings.learning_rate * sqrt(plan.batch_size / usual)
    settings = replace(settings, batch_size=plan.batch_size, learning_rate=rate)
    learner = build_learner(spec, settings, choice.device, on_cpu)
    return learner, plan, devices


@contextmanager
def _workers(game_name: str, plan: Plan, hidden: tuple[int, ...]) -> Iterator[Callable[[int, int], AnyWorker]]:
    """What starts a worker, given a seed and its number: as a process here, or as an actor of a Ray cluster."""
    if plan.ray is not None:
        with RayCluster(plan.ray) as cluster:
            yield partial(cluster.start, game_name, hidden)
        return

    def start(seed: int, number: int) -> AnyWorker:
        return WorkerProcess(game_name, {"hidden": hidden, "seed": seed, "number": number, "bulk": True})

    yield start


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
