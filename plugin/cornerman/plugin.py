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

from cornerman.contract import Bools, Floats, Game, HeadlessGame, ModelError, RestorableGame, Source, State
from cornerman.edge.backends import PlayingBackends, builders
from cornerman.edge.raspberry_pi import profile_values
from cornerman.evaluation.live.adaptive import SCRIPTED, Adaptive
from cornerman.evaluation.live.results import LiveBattles, opponent_of, sources_of
from cornerman.experience.encoder import Encoder
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
from cornerman.panel.status import Report, Switches, compose, trial_waits
from cornerman.policy.difficulty import ADAPTIVE, RUNG, Rung
from cornerman.policy.policy_slot import Trial, name_of
from cornerman.policy.q_network import NetworkSpec
from cornerman.search.ahead import Ahead
from cornerman.search.last_decision import Decision, LastDecision, advised
from cornerman.selfplay.live_worker import live_worker
from cornerman.settings import Settings, chosen_settings
from cornerman.training.machine import Machine
from cornerman.training.metrics import Metrics
from cornerman.training.service import TrainingService

if TYPE_CHECKING:
    from cornerman.training.training_loop import TrainingLoop

log = logging.getLogger("cornerman")

LOADING_S = 30.0
EXPLORATION_TEMPERATURE = 0.1  # of a softmax, against a player, in place of random actions: none is clearly bad


class Cornerman:
    """The plugin. A host makes one and calls its hooks; `contract.Hooks` says what they mean."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._loaded = self._choosing = self._break = False
        self.last = LastDecision()

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
        for path in waiting_imports(folder)[: not self.store.read_only]:
            say(f"There is a model to import, {path.name}: press I in this panel.")
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
        again = list(filter(None, [0 if store.read_only else store.battles.reached()]))  # other draws each time
        self._random = np.random.default_rng([settings.seed, 0, *again])
        self.live = LiveBattles(Adaptive(np.random.default_rng([settings.seed, 7, *again]), settings.adaptive_target))
        self._worker = live_worker(game, settings, self.slot.champion.spec.hidden)
        self.ahead = self._look_ahead(game, settings)
        read, pid = Machine(worker_pid=self._worker_pid).read, self._worker_pid
        self.training = TrainingService(self._new_loop, settings, read, metrics, self._pause_worker, pid, folder)
        imports, training = partial(import_waiting, folder, champions, game, self.encoder), self.training
        self.controls = PanelControls(switches, self.recording, self.live, store, champions, training, imports, metrics)
        self.expected = Expected(self.encoder, self.slot, self.recording, training.call)
        self.standing = Standing(champions, store, tuple(getattr(game, "bots", ())), self.training)
        self.controls.restore()
        switches.learning = switches.learning and not settings.safe_mode
        self.recording.switch(switches.recording)
        self.panel = Panel(self.controls, self.report)
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
        from cornerman.training.build import assemble, prepare_means

        metrics, spec = self.metrics, self.slot.champion.spec
        means = prepare_means(self.settings, spec, self.store, metrics, stop, draws, self._worker)
        take_files()
        loop = assemble(self._game, self.settings, self.store, self.champions, self.recording.events, metrics, means)
        if self.recording.player is not None:
            loop.players.meet(self.recording.player)
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
        battle_id = as_key(battle_id)
        self.training.battle_starts()
        sources = sources_of(seats)
        name = player_name(player)
        if opponent := opponent_of(sources):
            who = f"player {name}" if opponent == "player" else SCRIPTED
            self.live.adaptive.begin(battle_id, who, self.slot.rungs)
        trial = self._trial(battle_id, sources)
        tried = trial is not None and bool(self._random.random() < trial.share)
        self.live.start(battle_id, None if trial is None else trial.number, tried)
        before = self.recording.player
        self.recording.start(battle_id, sources, sides, player)
        if name != before:
            self.training.call(lambda loop: None if loop is None else loop.players.meet(name))

    def _rung(self, battle_id: int) -> Rung | None:
        """Who plays in a battle, but for a candidate on trial; None: the game's own fighter."""
        if self.switches.level == ADAPTIVE and (rung := self.live.adaptive.rung_of(battle_id)) is not None:
            return rung
        return self.slot.at_level(min(self.switches.level, ADAPTIVE - 1))

    def _trial(self, battle_id: int, seats: Mapping[int, Source]) -> Trial | None:
        """The trial that the battle is part of; None: there is none, it waits, or the battle can give no result."""
        waits = trial_waits(self.switches, self.slot, self._rung(battle_id), self.training.works)
        return None if waits or not opponent_of(seats) else self.slot.trial

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
        self.live.adaptive.end(battle_id, 1.0 - result.score if counts and result is not None else None)
        if counts:
            self.controls.keep_adaptive()
        if result is not None and result.version > RUNG:  # a lower rung's results are not those of any version
            self.training.call(lambda loop: None if loop is None else loop.live(result))
        self._keep_what_was_recorded()  # learning or not, paused or not: a kill costs no battle
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
        if self._may_look_ahead(battle_id):
            self.ahead.due(battle_id, seat, state, action_mask, self.slot.champion)

    def _may_look_ahead(self, battle_id: int) -> bool:
        """Whether the champion plays this battle at its best against a player, and not for a trial; the adaptive level
        knows its rungs without look-ahead."""
        switches, rung = self.switches, self._rung(battle_id)
        return (
            switches.on
            and switches.learning
            and switches.level != ADAPTIVE
            and rung is not None
            and rung.temperature == 0.0
            and rung.policy is self.slot.champion
            and self.recording.against_player(battle_id)
            and not self.live.weights_alone(battle_id)
        )

    def on_frame(self, frame_ms: float, slack_ms: float) -> None:
        self.ahead.frame()
        self.training.frame(frame_ms, slack_ms)

    def pump(self, budget_ms: float) -> None:
        self.training.pump(budget_ms / 1e3)

    def _keep_what_was_recorded(self) -> None:
        """Store recorded battles and their counts, on the thread that owns the files."""

        def keep(loop: TrainingLoop | None) -> None:
            if loop is not None:
                loop.keep()
            else:
                self.metrics.set(kept=self.recording.store())
            self.recording.note_quality()

        self.training.call_owner(keep)

    # ------------------------------------------------------------------------------------------- what the game asks for

    def choose_action(self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool]) -> int | None:
        self._end_break()
        battle_id, switches = as_key(battle_id), self.switches
        if not switches.on:
            return None
        rung, trial = self._rung(battle_id), self.slot.trial
        champion, policy = self.slot.champion, None if rung is None else rung.policy
        if trial is not None and self.live.tries(battle_id, trial.number):
            policy = trial.candidate
        if policy is None:  # the champion has learned nothing: the own fighter's results are its results
            self.live.decided(battle_id, champion.version, switches.level)
            return None
        try:
            reading, mask = self.encoder.read(state), self.encoder.mask(action_mask)
            observation = self.encoder.observe(reading, state, seat)
        except Exception as error:  # noqa: BLE001 - a state is the game's own object: reading it may raise anything
            self.metrics.unusable(error)
            self.live.void(battle_id)
            return None
        temperature, epsilon = 0.0 if rung is None else rung.temperature, 0.0
        if switches.learning and switches.recording:
            share = self.settings.exploration_fraction
            if not self.recording.against_player(battle_id):
                epsilon = share
            elif self._random.random() < share:
                temperature = max(temperature, EXPLORATION_TEMPERATURE)
        looks_ahead = temperature == 0.0 and self._may_look_ahead(battle_id)
        thought = self.ahead.thought(battle_id, seat, state, observation, mask, policy) if looks_ahead else None
        by = self.backends.of(policy)
        action = thought.action if thought else policy.act(observation, mask, self._random, temperature, epsilon, by)
        self.last.newest = Decision(battle_id, seat, policy, temperature, observation, mask, action, thought)
        self.live.decided(battle_id, policy.version, switches.level, thought is not None)
        self.live.reached(battle_id, reading.round)
        self.recording.chose(battle_id, seat, action, policy.version)
        return action

    def ghost_action(self, seat: int, state: State, action_mask: Sequence[bool]) -> int | None:
        if (ghost := self.slot.ghost) is None or (seen := self._seen(seat, state, action_mask)) is None:
            return None
        return ghost.act(*seen, self._random)

    def hint(self, seat: int, state: State, action_mask: Sequence[bool]) -> dict[str, Any] | None:
        policy = self.slot.playing() if self.switches.on else None
        if policy is None or policy.indifferent or (seen := self._seen(seat, state, action_mask)) is None:
            return None
        return advised(policy, seat, *seen, self.encoder.declaration.action_names, self.metrics.snapshot())

    def _seen(self, seat: int, state: State, action_mask: Sequence[bool]) -> tuple[Floats, Bools] | None:
        """What a seat sees and may do; None, and a notice, where that cannot be read."""
        try:
            return self.encoder.encode(state, seat), self.encoder.mask(action_mask)
        except Exception as error:  # noqa: BLE001 - a state is the game's own object: reading it may raise anything
            self.metrics.notice = f"A state could not be read ({error})."
            return None

    def settle(self, timeout_s: float) -> bool:
        self.ahead.settle()
        return self.training.settle(timeout_s)

    def set_learning(self, on: bool) -> None:
        self.controls.apply_learning(on)

    def set_difficulty(self, level: int) -> None:
        self.controls.set_difficulty(level)

    def forget(self) -> str:
        return self.controls.forget()

    def evaluate(self, version: int | None, bot: str, num_battles: int, seed: int) -> dict[str, Any] | None:
        """Evaluate a version (None: whoever plays) against a bot; None where one is missing, with a message for a
        version."""
        if not isinstance(self._game, HeadlessGame) or bot not in self._game.bots:
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
        self.panel.draw(surface)

    def report(self) -> Report:
        """A snapshot of the plugin's state."""
        if not self.training.alive:
            self.recording.events.drain()
        figures, training, counts = self.metrics.snapshot(), self.training.status(), self.recording.counts()
        decision = self.last.report(self.encoder.declaration.action_names, figures)
        seen = {"decision": decision, "expected": self.expected.report(figures), "looked_ahead": self.ahead.actions}
        seen |= self.standing.report(figures)
        return compose(self.switches, self.settings, self.slot, figures, training, counts, self.live, seen)
