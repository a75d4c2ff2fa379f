"""The plugin: the hooks that a game calls, and the composition root that builds the parts behind them.

Every method runs on the game's thread. None waits for the trainer, touches an accelerator, or writes a file while a
battle runs; `on_load`, `on_quit`, `settle` and `evaluate` may take long.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Game, HeadlessGame, ModelError, RestorableGame, State
from cornerman.decisions import Decisions, WhoPlays
from cornerman.edge.backends import PlayingBackends, builders
from cornerman.edge.raspberry_pi import profile_values
from cornerman.evaluation.live.adaptive import Adaptive
from cornerman.evaluation.live.results import LiveBattles, sources_of
from cornerman.experience.encoder import Encoder, shown
from cornerman.experience.event_queue import Recording
from cornerman.experience.recorder import as_key, player_name
from cornerman.experience.rewards import RewardCalculator
from cornerman.files.quality_note import QualityNote
from cornerman.models.champions import Champions
from cornerman.models.exchange import import_waiting, let_base_model_play, waiting_imports
from cornerman.models.manifest import Identity
from cornerman.models.store import Store
from cornerman.opponent.expected import Expected
from cornerman.panel.controls import PanelControls
from cornerman.panel.panel import Panel
from cornerman.panel.standing import Standing
from cornerman.panel.status import Report, Switches, compose
from cornerman.policy.difficulty import ADAPTIVE, RUNG
from cornerman.policy.policy_slot import name_of
from cornerman.policy.q_network import NetworkSpec
from cornerman.search.ahead import Ahead
from cornerman.selfplay.live_worker import live_worker
from cornerman.settings import Settings, chosen_settings
from cornerman.training.machine import Machine
from cornerman.training.metrics import Metrics
from cornerman.training.service import TrainingService

if TYPE_CHECKING:
    from cornerman.training.training_loop import TrainingLoop

log = logging.getLogger("cornerman")

LOADING_S = 30.0


class Cornerman:
    """The plugin. A host makes one and calls its hooks; `contract.Hooks` says what they mean."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._loaded = self._choosing = self._break = False

    # -------------------------------------------------------------------------------------------------- load and quit

    def on_load(
        self,
        game: Game,
        data_dir: str,
        settings: Mapping[str, Any] | None = None,
        progress: Callable[[str], object] | None = None,
    ) -> None:
        """Build everything; starts the trainer only where learning is on."""
        folder, say = Path(data_dir), self.metrics.say
        self._build(game, folder, chosen_settings(folder / "settings.toml", settings or {}, say, profile_values))
        wanted, build = self.settings.playing_backend, builders(folder / "hef")
        self.backends = PlayingBackends(wanted, self.slot.champion, build, say, self.metrics.set, self.training.watch)
        parts = self.recording, self.encoder, self.ahead, self.backends, self.metrics
        self.decisions = Decisions(self.who, *parts, self._random, self.settings.exploration_fraction)
        for path in waiting_imports(folder)[: not self.store.read_only]:
            say(f"There is a model to import, {path.name}: press I in this panel.")
        self.standing.read()
        if self.standing.unreadable:
            self.champions.mend_history()
        if self.switches.learning:
            self.training.start(LOADING_S, progress)

    def _build(self, game: Game, folder: Path, settings: Settings) -> None:
        """Build every part; starts nothing."""
        metrics = self.metrics
        self._game, self.encoder = game, Encoder(game)
        identity = Identity.of(game, self.encoder)
        headless = isinstance(game, HeadlessGame) and settings.worker != "off"
        spec = NetworkSpec(identity.observation_size, identity.num_actions, settings.hidden_layers(headless))
        self.store = store = Store.for_playing(folder, identity, spec, "a running game", metrics.say)
        if store.read_only:
            settings = replace(settings, safe_mode=True, recording=False)
        else:
            store.battles.open()
        self.settings = settings
        self.switches = switches = Switches(True, settings.recording, settings.learning, settings.difficulty)
        self.champions = champions = Champions(store, settings.seed, metrics.say, metrics.event, settings.from_nothing)
        self.slot = champions.slot
        self._say_who_plays(let_base_model_play(champions, game, self.encoder))
        weights = settings.health_weight, settings.outcome_weight
        rewards = RewardCalculator(*weights, self.encoder.declaration, settings.gamma)
        quality, keep = QualityNote(folder), self._keep_what_was_recorded
        self.recording = Recording(self.encoder, rewards, store.battles, quality, metrics.say, keep)
        reached = 0 if store.read_only else store.battles.reached()
        draws = [reached] if reached else []  # other ones in each session
        self._random = np.random.default_rng([settings.seed, 0, *draws])
        self.live = LiveBattles(Adaptive(np.random.default_rng([settings.seed, 7, *draws]), settings.adaptive_target))
        self._worker = live_worker(game, settings, self.slot.champion.spec.hidden)
        self.ahead = self._look_ahead(game, settings)
        read, pid = Machine(worker_pid=self._worker_pid).read, self._worker_pid
        self.training = TrainingService(self._new_loop, settings, read, metrics, self._pause_worker, pid, folder)
        self.who = WhoPlays(switches, self.slot, self.live, self._random, lambda: self.training.works)
        imports, training = partial(import_waiting, folder, champions, game, self.encoder), self.training
        self.controls = PanelControls(switches, self.recording, self.live, store, champions, training, imports, metrics)
        self.expected = Expected(self.encoder, self.slot, self.recording, training.call)
        self.standing = Standing(champions, store, tuple(getattr(game, "bots", ())), self.training)
        self.controls.restore()
        switches.learning = switches.learning and not settings.safe_mode
        self.recording.switch(switches.recording)
        self.panel = Panel(self.controls, self.report, isinstance(game, HeadlessGame))
        self._loaded = True

    def _look_ahead(self, game: Game, settings: Settings) -> Ahead:
        worker = self._worker if settings.look_ahead and isinstance(game, RestorableGame) else None
        return Ahead(worker, settings.seed, settings.thinking_ms / 1e3, self.metrics.say)

    def _pause_worker(self, paused: bool) -> None:
        if self._worker is not None:
            self._worker.pause(paused)

    def _worker_pid(self) -> int | None:
        return None if self._worker is None else self._worker.pid

    def _say_who_plays(self, problem: str) -> None:
        """Say what keeps versions or the game's model from playing, or anything from being stored, and who plays."""
        who = name_of(self.slot.playing())
        if problem:
            self.metrics.say(f"{problem} {who[0].upper()}{who[1:]} plays.")
        if self.store.problem:
            nothing = "nothing of this game is recorded or learned"
            self.metrics.say(f"{self.store.problem} {who[0].upper()}{who[1:]} plays; {nothing}.")

    def _new_loop(self, stop: NDArray[Any], take_files: Callable[[], None], draws: Callable[[], bool]) -> TrainingLoop:
        """Build the training loop, on the trainer's thread; a game that only plays imports none of it."""
        from cornerman.training.build import assemble, learn_players, prepare_means

        metrics, spec = self.metrics, self.slot.champion.spec
        means = prepare_means(self.settings, spec, self.store, metrics, stop, draws, self._worker)
        take_files()
        loop = assemble(self._game, self.settings, self.store, self.champions, self.recording.events, metrics, means)
        if self.recording.player is not None:
            loop.players.meet(self.recording.player)
        learn_players(loop.players, draws)
        return loop

    def messages(self) -> list[str]:
        """The newest messages for the player, oldest first, for the host's own list."""
        return self.metrics.messages()

    def on_quit(self) -> None:
        """Stop the trainer, which saves its state, and store what was recorded and not yet collected."""
        if not self._loaded:
            return
        with ExitStack() as rest:  # in reverse order, each whatever another one raised
            rest.callback(self._close_files)
            rest.callback(self.controls.save)
            rest.callback(self.training.stop)
            rest.callback(self.backends.close)
            self.recording.abandon()

    def _close_files(self) -> None:
        if self.training.owns_files:
            log.error("the trainer did not stop in time: what it has not stored is lost")
            return
        with ExitStack() as rest:
            rest.callback(self.store.close)
            rest.callback(self.recording.note_quality, ending=True)
            self.recording.store()

    # -------------------------------------------------------------------------------------------- what the game reports

    def on_battle_start(
        self,
        battle_id: int,
        seats: Mapping[int, str],
        sides: Mapping[int, int] | None = None,
        player: str | None = None,
    ) -> None:
        self.training.battle_starts()
        battle_id, sources, name = as_key(battle_id), sources_of(seats), player_name(player)
        self.who.begin(battle_id, sources, name)
        self.set_player(player)
        self.recording.start(battle_id, sources, sides, player)

    def on_turn(
        self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool], action: int, next_state: State
    ) -> None:
        seen = self.recording.turn(battle_id, seat, state, action_mask, action, next_state)
        self.expected.turn(battle_id, seat, seen, action)
        self._end_break()
        if self._choosing:
            self._choosing = False
            self.training.choose(False)

    def on_battle_end(self, battle_id: int, outcome: Mapping[int, float], truncated: bool = False) -> None:
        battle_id = as_key(battle_id)
        seats = self.recording.end(battle_id, outcome, truncated)
        result = self.live.end(battle_id, seats, outcome, truncated or not self.switches.on)
        counts = result is not None and result.level == ADAPTIVE
        self.live.adaptive.end(battle_id, result.other if counts and result is not None else None)
        if counts:
            self.controls.remember()
        self._keep_what_was_recorded()  # learning or not, paused or not: a kill costs no battle
        if result is not None and result.version > RUNG:  # a lower rung's results are not those of any version
            self.training.call(lambda loop: None if loop is None else loop.live(result))
        self.training.open_window()  # also for a game that reports no round's end

    def on_round_end(self, battle_id: int, round: int) -> None:
        self.training.open_window()

    def on_round_start(self, battle_id: int, round: int) -> None:
        self.live.reached(as_key(battle_id), round)
        self.training.close_window()

    def on_break(self, battle_id: int) -> None:
        self._break = True
        self.training.open_window()

    def _end_break(self) -> None:
        if self._break:
            self._break = False
            self.training.close_window()

    def on_choosing(self, battle_id: int, seat: int) -> None:
        self._choosing = True
        self.training.choose(True)

    def on_due(self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool]) -> None:
        battle_id = as_key(battle_id)
        if self.decisions.looks_ahead(battle_id):
            self.ahead.due(battle_id, seat, state, action_mask, self.slot.champion)

    def on_frame(self, frame_ms: float, slack_ms: float) -> None:
        self.ahead.frame()
        self.training.frame(frame_ms, slack_ms)

    def pump(self, budget_ms: float) -> None:
        self.training.pump(budget_ms / 1e3)

    def _keep_what_was_recorded(self) -> None:
        """Store recorded battles and their counts, on the thread that owns the files."""

        def keep(loop: TrainingLoop | None) -> None:
            if loop is not None:
                loop.keep(self.training.draws)
            else:
                self.metrics.set(kept=self.recording.store(wait=False))
            self.recording.note_quality()

        self.training.call_owner(keep)

    # ------------------------------------------------------------------------------------------- what the game asks for

    def choose_action(self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool]) -> int | None:
        self._end_break()
        return self.decisions.choose(as_key(battle_id), seat, state, action_mask)

    def ghost_action(self, seat: int, state: State, action_mask: Sequence[bool]) -> int | None:
        return self.decisions.of_ghost(seat, state, action_mask)

    def hint(self, seat: int, state: State, action_mask: Sequence[bool]) -> dict[str, Any] | None:
        return self.decisions.hint(seat, state, action_mask)

    def settle(self, timeout_s: float) -> bool:
        self.ahead.settle()
        return self.training.settle(timeout_s)

    def set_learning(self, on: bool) -> None:
        self.controls.apply_learning(on)

    def set_difficulty(self, level: int) -> None:
        self.controls.set_difficulty(level)

    def set_player(self, player: str | None) -> None:
        name = player_name(player)
        if name != self.recording.player:
            self.recording.player = name
            self.training.call(lambda loop: None if loop is None else loop.players.meet(name))

    def forget(self) -> str:
        return self.controls.forget()

    def forget_player(self, player: Any) -> str:
        if not isinstance(player, str):
            return f"A player's name is a text, and {shown(player)} is none: nothing was forgotten."
        return self.controls.forget_player(player_name(player))

    def evaluate(self, version: int | None, bot: str, num_battles: int, seed: int) -> dict[str, Any] | None:
        """Evaluate a version (None: whoever plays) against a bot; None, and a message, where one is missing; None
        without headless battles."""
        if not isinstance(self._game, HeadlessGame):
            return None
        if bot not in self._game.bots:
            there = ", ".join(self._game.bots)
            self.metrics.say(f"There is no bot {shown(bot)} to evaluate against; there are {there}.")
            return None
        try:
            policy = self.slot.playing() if version is None else self.store.registry.load(version)
        except ModelError as error:
            self.metrics.say(str(error))
            return None
        from cornerman.evaluation.arena import evaluate  # seldom asked for: no start has to wait for it

        player = policy or self._game.bots[self.encoder.declaration.own_fighter]
        result = evaluate(player, self._game.bots[bot], self._game, num_battles, seed, encoder=self.encoder)
        return {"version": (policy or self.slot.champion).version, **result.as_dict()}

    # ------------------------------------------------------------------------------------------------------ the panel

    def on_event(self, event: Any) -> bool:
        return self.panel.event(event)

    def on_draw(self, surface: Any) -> None:
        self.ahead.frame()
        self.training.draws = True  # nothing heavy is loaded beside pictures, also where `on_frame` is not called
        self.panel.draw(surface)

    def report(self) -> Report:
        """A snapshot of the plugin's state."""
        if not self.training.alive:
            self.recording.events.drain()
        figures, training, counts = self.metrics.snapshot(), self.training.status(), self.recording.recorder.quality()
        decision = self.decisions.last.report(self.encoder.declaration.action_names, figures)
        player = {"unlearned": figures.get("unlearned", 0), "looked_ahead": self.ahead.actions}
        if (sits := self.recording.player) is not None:  # what is known of another one is no longer shown
            player["name"] = sits
            figures["player"] = known if (known := figures.get("player", {})).get("name") == sits else {}
        seen = {"decision": decision, "expected": self.expected.report(figures), "player": player}
        seen |= self.standing.report(figures) | {"two_sides": len(self.encoder.declaration.teams) == 2}
        return compose(self.switches, self.settings, self.slot, figures, training, counts, self.live, seen)
