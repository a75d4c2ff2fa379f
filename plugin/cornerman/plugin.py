"""The hooks the game calls, and the composition root: here the rooms are built and joined.

Every method runs on the game's thread. None waits for the trainer, touches torch or an accelerator, or writes a file
while a battle runs; `on_load`, `on_quit`, `settle` and `evaluate` may take their time.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cornerman.contract import (
    BattleEnd,
    DataError,
    Game,
    HeadlessGame,
    ModelError,
    Source,
    State,
    Transition,
)
from cornerman.evaluation.arena import evaluate
from cornerman.evaluation.live_results import LiveBattles, outcome_of, sources_of
from cornerman.experience.battle_store import BattleStore, Counts
from cornerman.experience.encoder import Encoder
from cornerman.experience.event_queue import EventQueue
from cornerman.experience.recorder import MAX_OPEN_BATTLES, Recorder
from cornerman.experience.rewards import RewardCalculator
from cornerman.experience.transitions import DataFormat
from cornerman.files.preferences import Preferences, read_preferences, write_preferences
from cornerman.files.quality_note import QualityNote
from cornerman.models.champions import Champions
from cornerman.models.exchange import import_waiting, waiting_imports
from cornerman.models.manifest import Identity
from cornerman.models.store import Store
from cornerman.panel.controls import Controls
from cornerman.panel.panel import Panel
from cornerman.panel.status import Report, compose
from cornerman.policy.difficulty import level
from cornerman.policy.q_network import NetworkSpec
from cornerman.settings import Settings, chosen_settings
from cornerman.training.machine import Machine
from cornerman.training.metrics import Metrics
from cornerman.training.training_thread import TrainingThread
from cornerman.training.training_windows import TrainingWindows

if TYPE_CHECKING:
    from cornerman.training.training_loop import TrainingLoop

log = logging.getLogger("cornerman")

LOADING_S, PROGRESS_PERIOD_S = 30.0, 0.1
RECENT_BATTLES = 50
NOTICE_S = 60.0
MAX_SENTENCES = 50
PLAYER_TEMPERATURE = 0.03
"""Against a player it explores by this softmax temperature instead of random actions: never a clearly bad one."""


class Cornerman:
    """The plugin. A host makes one and calls its hooks; `contract.Hooks` says what they mean."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.metrics = Metrics()
        self.trainer: TrainingThread | None = None
        self.on = self.recording = self.learning = True
        self._notice, self._noticed = "", 0.0
        self._sentences: deque[str] = deque(maxlen=MAX_SENTENCES)
        self.training: TrainingLoop | None = None
        self._loaded = self._start_due = self._choosing = False
        self._preferences: Preferences | None = None  # what the player chose in the panel, once they did
        self._seats: dict[int, Mapping[int, Source]] = {}  # open battles
        self._sides: dict[int, Mapping[int, int] | None] = {}
        self._live = LiveBattles()
        self.results: deque[int] = deque(maxlen=RECENT_BATTLES)

    # ------------------------------------------------------------------------------------------------------- loading

    def on_load(
        self,
        game: Game,
        data_dir: str,
        settings: Mapping[str, Any] | None = None,
        progress: Callable[[str], object] | None = None,
    ) -> None:
        """Build everything; starts the trainer only where learning is on."""
        folder = Path(data_dir)
        chosen = chosen_settings(folder / "settings.toml", settings or {}, self.say)
        self.load(game, folder, chosen)
        self._preferences = read_preferences(self._folder, self.say)
        if self._preferences is not None:
            self.recording = self._preferences.recording and not self.store.read_only
            self.learning, self.level = self._preferences.learning, self._preferences.difficulty
        self.learning = self.learning and not self.settings.safe_mode
        if self.learning:
            self.start_learning(LOADING_S, progress)

    def load(self, game: Game, folder: Path, settings: Settings, who: str = "a running game") -> None:
        """Build everything but the trainer; ModelError where the folder cannot be used."""
        self._game, self._folder = game, folder
        self.encoder = Encoder(game)
        identity = Identity.of(game, self.encoder)
        spec = NetworkSpec(identity.observation_size, identity.num_actions, settings.hidden)
        self.store = Store.for_playing(folder, identity, spec, who, self.say)
        if self.store.read_only:
            settings = replace(settings, safe_mode=True, recording=False)
        self.settings = settings
        self.recording = self.settings.recording
        self.learning = self.settings.learning and not self.settings.safe_mode
        self.level = self.settings.difficulty
        self._random = np.random.default_rng([self.settings.seed, 0])
        inbox: deque[Transition | BattleEnd] = deque()
        rewards = RewardCalculator(self.settings.health_weight, self.settings.outcome_weight)
        self.recorder = Recorder(self.encoder, rewards, inbox.append, self.say)
        keep = partial(self.hand_to_trainer, self.keep_recorded)
        self.news = EventQueue(self.recorder, inbox, self.encoder.reads_whole_state, keep)
        self.registry = self.store.registry
        self.champions = Champions(self.store, self.settings.seed, self.say, self.metrics.event)
        self.slot = self.champions.slot
        data_format = DataFormat(game.name, game.version, self.encoder.version, spec.observation_size, spec.num_actions)
        self.safe = BattleStore(self._folder, data_format, self.say)
        if not self.store.read_only:
            self.safe.open()
        self.quality = QualityNote(self._folder)
        self.machine = Machine()
        self._panel = Panel(Controls(self), self.report)
        self._loaded = True
        for path in waiting_imports(self._folder)[: not self.store.read_only]:
            self.say(f"There is a model to take in, {path.name}: press I in this panel.")

    def take_in(self) -> None:
        """Take in a model from the imports folder; on the thread of `hand_to_trainer`."""
        self.say(import_waiting(self._folder, self.champions, self._game, self.encoder))
        if self.training is not None:
            self.training.drop_candidate()

    def start_learning(self, wait_s: float, progress: Callable[[str], object] | None = None) -> None:
        """Start the trainer and wait for it at most so long; the notice says why where it cannot learn.

        `progress` hears what it waits for, ten times a second, and may answer False: wait no longer.
        """
        self._start_due = False
        windows = TrainingWindows.from_settings(self.settings, self.machine.read)
        self.trainer = TrainingThread(self.prepare, self.metrics, windows, after=self.trainer)
        end = time.monotonic() + wait_s
        self.trainer.start(0.0)
        while not self.trainer.ready(min(PROGRESS_PERIOD_S, wait_s)) and time.monotonic() < end:
            if progress and progress(f"waking the corner: {self.metrics.get('loading', 'the trainer')} ...") is False:
                break  # whoever loads will not wait any longer; it goes on beside the game
        if self.trainer.dead_because:
            self.say(self.trainer.dead_because)

    def prepare(self) -> TrainingLoop:
        """Build what learns, on the thread that will own it: the device is chosen here."""
        from cornerman.training.build import prepare

        self.training = prepare(self, self._game, self.news, self._random)
        return self.training

    @property
    def notice(self) -> str:
        """The newest sentence that needs attention; empty once it has stood long enough to be read."""
        return self._notice if time.monotonic() - self._noticed < NOTICE_S else ""

    @notice.setter
    def notice(self, sentence: str) -> None:
        self._notice, self._noticed = sentence, time.monotonic()

    def say(self, sentence: str) -> None:
        """Put a sentence where the player sees it."""
        log.warning("%s", sentence)
        self.notice = sentence
        self._sentences.append(sentence)
        self.metrics.event(sentence)

    def messages(self) -> list[str]:
        """The newest sentences that `say` was given, for the host."""
        return list(self._sentences)

    # ---------------------------------------------------------------------------------------------------------- news

    def on_battle_start(self, battle_id: int, seats: Mapping[int, str], sides: Mapping[int, int] | None = None) -> None:
        self._close_window()
        if len(self._seats) >= MAX_OPEN_BATTLES:  # a game that tells of no end
            oldest = next(iter(self._seats))
            del self._seats[oldest], self._sides[oldest]
        self._seats[battle_id], self._sides[battle_id] = sources_of(seats), sides
        self._live.start(battle_id)
        if self._start_due:
            self.start_learning(wait_s=0.0)
        if self.on and self.recording:
            self.news.start(battle_id, self._seats[battle_id], sides)

    def on_turn(
        self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool], action: int, next_state: State
    ) -> None:
        if self.on and self.recording:
            self.news.turn(battle_id, seat, state, action_mask, action, next_state)
        if self._choosing and self.trainer is not None:
            self._choosing = False
            self.trainer.choose(False)

    def on_battle_end(self, battle_id: int, outcome: Mapping[int, int], truncated: bool = False) -> None:
        seats = self._seats.pop(battle_id, {})
        self._sides.pop(battle_id, None)
        if self.on and self.recording:
            self.news.end(battle_id, outcome, truncated)
        mine = [seat for seat, source in seats.items() if source is Source.PLUGIN]
        result_of_mine = outcome_of(outcome, mine[0]) if len(mine) == 1 and not truncated else None
        if result_of_mine is not None and self.on:
            self.results.append(result_of_mine)
        result = self._live.end(battle_id, seats, outcome, truncated)
        if result is not None and self.training is not None:
            self.hand_to_trainer(partial(self.training.live, result))
        self.hand_to_trainer(self.keep_recorded)  # learning or not, paused or not: a kill costs no battle
        if self.trainer is not None:
            self.trainer.open_window()  # also for a game that tells of no round's end

    def on_round_end(self, battle_id: int, round: int) -> None:
        if self.trainer is not None:
            self.trainer.open_window()

    def on_round_start(self, battle_id: int, round: int) -> None:
        self._live.reached(battle_id, round)
        self._close_window()

    def _close_window(self) -> None:
        if self.trainer is not None:
            self.trainer.close_window()

    def on_choosing(self, battle_id: int, seat: int) -> None:
        if self.trainer is not None:
            self._choosing = True
            self.trainer.choose(True)

    def on_frame(self, frame_ms: float, slack_ms: float) -> None:
        if self.trainer is not None:
            self.trainer.frame(frame_ms, slack_ms)

    def pump(self, budget_ms: float) -> None:
        if self.trainer is not None:
            self.trainer.lend(budget_ms / 1e3)

    def on_quit(self) -> None:
        """Stop the trainer; what it has learned is saved, and so is what was recorded and not yet taken by it."""
        if not self._loaded:
            return
        for battle_id in list(self._seats):
            self.news.abandon(battle_id)
        stopped = self.trainer is None or self.trainer.stop()
        if self._preferences is not None and not self.store.read_only:
            write_preferences(self._folder, self._preferences)
        if not stopped:
            log.error("the trainer did not stop in time: what it had not kept is lost")
            return
        self._store_recorded()
        self.safe.close()
        self.quality.write(self.recorder.quality(), ending=True)
        self.store.close()

    # --------------------------------------------------------------------------------------------------- the game asks

    def choose_action(self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool]) -> int | None:
        if not self.on:
            return None
        chosen = level(self.level)
        policy = self.slot.back(chosen.versions_back)
        try:
            observation, mask = self.encoder.encode(state, seat), self.encoder.mask(action_mask)
        except Exception as error:  # noqa: BLE001 - a state is the game's own object: reading it may raise anything
            self.notice = str(error) if isinstance(error, DataError) else f"A state could not be read ({error!r})."
            self._live.spoil(battle_id)
            return None
        temperature, epsilon = chosen.temperature, 0.0
        if self.learning and self.recording:
            if Source.PLAYER in self._seats.get(battle_id, {}).values():
                temperature = max(temperature, PLAYER_TEMPERATURE)
            else:
                epsilon = self.settings.exploration_fraction
        action = policy.act(observation, mask, self._random, temperature, epsilon)
        self._live.decided(battle_id, policy.version, self.level)
        self._live.reached(battle_id, state["round"])
        if self.recording:
            self.news.chose(battle_id, seat, action, policy.version)
        return action

    def settle(self, timeout_s: float) -> bool:
        return self.trainer is None or self.trainer.settle(timeout_s)

    def evaluate(self, version: int | None, bot: str, num_battles: int, seed: int) -> dict[str, Any] | None:
        """How a version fares against a scripted fighter; None, and a sentence, where there is none of that name."""
        if not isinstance(self._game, HeadlessGame) or bot not in self._game.bots:
            return None
        try:
            policy = self.slot.champion if version is None else self.registry.load(version)
        except ModelError as error:
            self.say(str(error))
            return None
        result = evaluate(policy, self._game.bots[bot], self._game, num_battles, seed, encoder=self.encoder)
        return {"version": policy.version, **result.as_dict()}

    # ----------------------------------------------------------------------------------------------------- the panel

    def on_event(self, event: Any) -> bool:
        return self._panel.event(event)

    def on_draw(self, surface: Any) -> None:
        self._panel.draw(surface)

    # ------------------------------------------------------------------------------------- what the panel's switches do

    def switch(self, on: bool | None = None, recording: bool | None = None) -> None:
        """Plugin or recording on or off, at once: open battles are cut off there, or recorded from here on."""
        recorded = self.on and self.recording
        if on is not None:
            self._live.spoil()
        self.on = self.on if on is None else on
        self.recording = self.recording if recording is None else recording
        if (self.on and self.recording) != recorded:
            self.cut_recording()
        self._pause()

    def cut_recording(self) -> None:
        """Give up what is open of every battle under way, and record it from here on where recording is on."""
        self._live.spoil()
        for battle_id, seats in self._seats.items():
            self.news.abandon(battle_id)
            if self.on and self.recording:
                self.news.start(battle_id, seats, self._sides[battle_id])

    def set_learning(self, on: bool) -> None:
        """Learning on or off; the first time that it is on the trainer starts, in mid-battle with the next one.

        Importing numba or torch stalls frames even from another thread, which nobody minds between two battles.
        """
        self.learning = on
        self._start_due = on and (self.trainer is None or not self.trainer.alive)
        if self._start_due and self._seats and not {"numba", "torch"} & set(sys.modules):
            self.metrics.event("Learning starts with the next battle.")
        elif self._start_due:
            self.start_learning(wait_s=0.0)  # a game that runs is not held up
        self._pause()

    def remember_preferences(self) -> None:
        """The player chose something in the panel: it holds at the next start too."""
        if self.store.read_only:
            return
        self._preferences = Preferences(self.recording, self.learning, self.level)
        if self.trainer is not None:
            self.trainer.post(partial(write_preferences, self._folder, self._preferences))

    def _pause(self) -> None:
        if self.trainer is not None:
            self.trainer.pause(not (self.on and self.learning))

    def keep_recorded(self) -> None:
        """Put what was handed over on the disk, with how good it was; on the thread of `hand_to_trainer`."""
        if self.training is not None:
            self.training.keep()
        else:
            self._store_recorded()
        self.quality.write(self.recorder.quality())

    def _store_recorded(self) -> None:
        for item in self.news.items():
            self.safe.take_live(item)
        self.metrics.set(kept=self.safe.kept)

    def erase_recorded(self) -> list[Counts]:
        """Erase what was recorded from the disk; OSError where a file cannot be erased."""
        self.news.forget()
        self.quality.erase()
        return self.safe.forget()

    def clear_memory(self) -> None:
        """Drop what was learned from, on the thread of `hand_to_trainer`."""
        if self.training is not None:
            self.training.forget()

    def hand_to_trainer(self, command: Callable[[], None]) -> None:
        """Run a command that touches the registry or the replay on their owner's thread; here where there is none."""
        if self.trainer is None:
            command()
        elif not self.trainer.post(command):
            self.training = None  # its thread has ended, and no other may touch its device
            command()

    # -------------------------------------------------------------------------------------------------------- report

    def report(self) -> Report:
        """What the plugin is doing now."""
        if self.trainer is None or not self.trainer.alive:
            self.news.drain()
        return compose(self)
