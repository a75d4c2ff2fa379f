"""Expected: the player's last decision as the model of the player foresaw it before it learned from it, for a person.

While a battle is played only the copy that is recorded is kept. Chances are computed when somebody looks, once a
decision, on the trainer's thread where there is one; the game's thread calls everything else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cornerman.contract import Source, State
from cornerman.experience.encoder import Encoder, legal_action
from cornerman.experience.event_queue import Recording
from cornerman.opponent.ghost import Ghost
from cornerman.opponent.predictor import STRANGER_TEMPERATURE, ChampionPredictor
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import PolicySlot

MOST_SHOWN = 6


class _Move(NamedTuple):
    """A decision of the player, and who foresees it: the model of that player, or the champion where there is none."""

    seat: int
    state: State
    action_mask: Sequence[bool]
    action: int
    ghost: Ghost | None
    champion: Policy
    at: float  # seconds


class Expected:
    """Keeps the newest decision of a player's seat."""

    def __init__(
        self,
        encoder: Encoder,
        slot: PolicySlot,
        recording: Recording,
        run: Callable[[Callable[[Any], None]], None],
    ) -> None:
        """`run` runs a command on the trainer's thread soon, or here where there is none."""
        self._encoder, self._slot, self._recording, self._run = encoder, slot, recording, run
        self._newest: _Move | None = None
        self._forgotten = 0
        self._asked: _Move | None = None
        self._found: tuple[int, _Move, dict[str, Any]] | None = None  # after how many times of forgetting

    def turn(self, battle_id: int, seat: int, seen: tuple[State, Sequence[bool]] | None, action: int) -> None:
        """An action was applied; kept where the player decided. `seen` are state and mask as recorded, or None."""
        if seen is None or self._recording.source(battle_id, seat) is not Source.PLAYER:
            return
        ghost, champion = self._slot.ghost, self._slot.champion
        known = ghost if isinstance(ghost, Ghost) and ghost.name == self._recording.player else None
        if known is not None or not champion.indifferent:
            self._newest = _Move(seat, *seen, action, known, champion, time.monotonic())

    def report(self, figures: Mapping[str, Any]) -> dict[str, Any] | None:
        """`expected` of `Report`: the newest decision whose chances are computed; None where there is none.

        `figures` as `Metrics.snapshot` gives them: `forgotten` counts how often what is known of the player was erased.
        """
        if (forgotten := figures.get("forgotten", 0)) != self._forgotten:
            self._forgotten, self._newest, self._asked, self._found = forgotten, None, None, None
        newest = self._newest
        if newest is not None and newest is not self._asked:
            self._asked = newest
            self._run(lambda loop: self._compute(newest, forgotten))
        found = self._found
        if found is None or found[0] != forgotten:
            return None
        _, move, said = found
        return said | {"age_s": time.monotonic() - move.at}

    def _compute(self, move: _Move, forgotten: int) -> None:
        """On the trainer's thread; less than half a millisecond."""
        try:
            observation, mask = self._encoder.encode(move.state, move.seat), self._encoder.mask(move.action_mask)
            taken = legal_action(move.action, mask)
        except Exception:  # noqa: BLE001 - a state is the game's own object: the recorder says what is wrong with it
            return
        stranger = ChampionPredictor(move.champion, STRANGER_TEMPERATURE)
        predictor = stranger if move.ghost is None else move.ghost.model
        chances = predictor.probabilities(observation[None], mask[None])[0]
        order = np.argsort(-chances, kind="stable")
        shown = [int(at) for at in order if mask[at]][:MOST_SHOWN]
        if taken not in shown:
            shown[-1] = taken
        names = self._encoder.declaration.action_names
        actions = [{"name": names[at], "share": float(chances[at]), "taken": at == taken} for at in shown]
        battles = 0 if move.ghost is None else move.ghost.battles
        self._found = forgotten, move, {"battles": battles, "actions": actions}
