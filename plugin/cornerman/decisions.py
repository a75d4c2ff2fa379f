"""Decisions in the seats that the plugin plays: who plays a battle, and which action is taken. The game's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cornerman.contract import Bools, Floats, Source, State
from cornerman.edge.backends import PlayingBackends
from cornerman.evaluation.live.adaptive import SCRIPTED
from cornerman.evaluation.live.results import LiveBattles, opponent_of
from cornerman.experience.encoder import Encoder
from cornerman.experience.event_queue import Recording
from cornerman.panel.status import Switches, trial_waits
from cornerman.policy.difficulty import ADAPTIVE, Rung
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import PolicySlot, Trial
from cornerman.search.ahead import Ahead
from cornerman.search.last_decision import Decision, LastDecision, advised
from cornerman.training.metrics import Metrics

EXPLORATION_TEMPERATURE = 0.1  # of a softmax, against a player, in place of random actions: none is clearly bad


class WhoPlays:
    """Who plays each battle: the champion, an older version or a rung at a lower level, a candidate on trial, or the
    game's own fighter."""

    def __init__(
        self,
        switches: Switches,
        slot: PolicySlot,
        live: LiveBattles,
        random: np.random.Generator,
        trainer_works: Callable[[], bool],
    ) -> None:
        self.switches, self.slot, self.live = switches, slot, live
        self._random, self._trainer_works = random, trainer_works

    def begin(self, battle_id: int, sources: Mapping[int, Source], player: str) -> None:
        """Add a battle with `player`, if one takes part; where a candidate is on trial, a coin chooses who plays it."""
        if opponent := opponent_of(sources):
            who = f"player {player}" if opponent == "player" else SCRIPTED
            self.live.adaptive.begin(battle_id, who, self.slot.rungs)
        trial = self._trial(battle_id, sources)
        tried = trial is not None and bool(self._random.random() < trial.share)
        self.live.start(battle_id, None if trial is None else trial.number, tried, player)

    def rung(self, battle_id: int) -> Rung | None:
        """Who plays in a battle, but for a candidate on trial; None: the game's own fighter."""
        if self.switches.level == ADAPTIVE and (rung := self.live.adaptive.rung_of(battle_id)) is not None:
            return rung
        return self.slot.at_level(min(self.switches.level, ADAPTIVE - 1))

    def candidate(self, battle_id: int) -> Policy | None:
        """The candidate on trial, where it plays this battle."""
        trial = self.slot.trial
        return trial.candidate if trial is not None and self.live.tries(battle_id, trial.number) else None

    def at_its_best(self, battle_id: int) -> bool:
        """Whether the champion plays this battle at its best, and not for a trial; the adaptive level knows its rungs
        without look-ahead."""
        switches, rung = self.switches, self.rung(battle_id)
        return (
            switches.on
            and switches.learning
            and switches.level != ADAPTIVE
            and rung is not None
            and rung.temperature == 0.0
            and rung.policy is self.slot.champion
            and not self.live.weights_alone(battle_id)
        )

    def _trial(self, battle_id: int, seats: Mapping[int, Source]) -> Trial | None:
        """The trial that the battle is part of; None: there is none, it waits, or the battle can give no result."""
        waits = trial_waits(self.switches, self.slot, self.rung(battle_id), self._trainer_works())
        return None if waits or not opponent_of(seats) else self.slot.trial


class Decisions:
    """Chooses actions; keeps what the last one was made of."""

    def __init__(
        self,
        who: WhoPlays,
        recording: Recording,
        encoder: Encoder,
        ahead: Ahead,
        backends: PlayingBackends,
        metrics: Metrics,
        random: np.random.Generator,
        exploration: float,
    ) -> None:
        """`exploration`: share of the decisions that are tried otherwise while it learns."""
        self._who, self._recording, self._encoder, self._ahead = who, recording, encoder, ahead
        self._backends, self._metrics, self._random, self._exploration = backends, metrics, random, exploration
        self.last = LastDecision()

    def choose(self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool]) -> int | None:
        """As the hook `choose_action`; `battle_id` as a key."""
        who, switches = self._who, self._who.switches
        if not switches.on:
            return None
        rung = who.rung(battle_id)
        candidate = who.candidate(battle_id)
        policy = candidate if candidate is not None or rung is None else rung.policy
        if policy is None:  # the champion has learned nothing: the own fighter's results are its results
            who.live.decided(battle_id, who.slot.champion.version, switches.level)
            return None
        try:
            reading, mask = self._encoder.read(state), self._encoder.mask(action_mask)
            observation = self._encoder.observe(reading, state, seat)
        except Exception as error:  # noqa: BLE001 - a state is the game's own object: reading it may raise anything
            self._metrics.unusable(error)
            who.live.void(battle_id)
            return None
        temperature, epsilon = self._tried(battle_id, 0.0 if rung is None else rung.temperature)
        ahead = temperature == 0.0 and self.looks_ahead(battle_id)
        thought = self._ahead.thought(battle_id, seat, state, observation, mask, policy) if ahead else None
        by = self._backends.of(policy)
        action = thought.action if thought else policy.act(observation, mask, self._random, temperature, epsilon, by)
        self.last.newest = Decision(battle_id, seat, policy, temperature, observation, mask, action, thought)
        who.live.decided(battle_id, policy.version, switches.level, thought is not None)
        who.live.reached(battle_id, reading.round)
        self._recording.chose(battle_id, seat, action, policy.version)
        return action

    def _tried(self, battle_id: int, temperature: float) -> tuple[float, float]:
        """The temperature of a decision, and its chance to be drawn at random, by how it explores."""
        switches = self._who.switches
        if not (switches.learning and switches.recording):
            return temperature, 0.0
        if not self._recording.against_player(battle_id):
            return temperature, self._exploration
        explores = self._random.random() < self._exploration
        return max(temperature, EXPLORATION_TEMPERATURE) if explores else temperature, 0.0

    def looks_ahead(self, battle_id: int) -> bool:
        """Whether decisions of this battle, by its key, are thought ahead: those of the champion at its best against a
        player."""
        return self._who.at_its_best(battle_id) and self._recording.against_player(battle_id)

    def of_ghost(self, seat: int, state: State, action_mask: Sequence[bool]) -> int | None:
        """As the hook `ghost_action`."""
        if (ghost := self._who.slot.ghost) is None or (seen := self._seen(seat, state, action_mask)) is None:
            return None
        return ghost.act(*seen, self._random)

    def hint(self, seat: int, state: State, action_mask: Sequence[bool]) -> dict[str, Any] | None:
        """As the hook `hint`."""
        policy = self._who.slot.playing() if self._who.switches.on else None
        if policy is None or policy.indifferent or (seen := self._seen(seat, state, action_mask)) is None:
            return None
        return advised(policy, seat, *seen, self._encoder.declaration.action_names, self._metrics.snapshot())

    def _seen(self, seat: int, state: State, action_mask: Sequence[bool]) -> tuple[Floats, Bools] | None:
        """What a seat sees and may do; None, and a notice, where that cannot be read."""
        try:
            return self._encoder.encode(state, seat), self._encoder.mask(action_mask)
        except Exception as error:  # noqa: BLE001 - a state is the game's own object: reading it may raise anything
            self._metrics.notice = f"A state could not be read ({error})."
            return None
