"""One battle, played turn by turn and reported to the plugins; the window and the headless series both drive this.

It uses the contract's Battle and the host, and neither rules nor drawing. The game's thread only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from .host import Host

if TYPE_CHECKING:
    from cornerman.contract import Battle, Bot

PLAYER, PLUGIN, SCRIPTED = "player", "plugin", "scripted"


class Match:
    """A battle under way.

    `seats` says who controls each seat: "player", "plugin" or "scripted" (a bot). `bots` are the bots of single seats;
    the others use `fallback`, and so does the plugin's seat where it has no opinion. `sides` says which seats win
    together; without it every seat is a side of its own. TypeError for a battle whose seats decide at once.
    """

    def __init__(
        self,
        host: Host,
        battle: Battle,
        battle_id: int,
        seats: Mapping[int, str],
        fallback: Bot,
        random: Random,
        bots: Mapping[int, Bot] | None = None,
        sides: Mapping[int, int] | None = None,
    ) -> None:
        if hasattr(battle, "apply_all"):
            sentence = "a Match plays battles whose seats decide in turn, and in this one they decide at once"
            raise TypeError(f"{sentence}: report the on_turn of each with the same state and next state yourself")
        self.battle, self.battle_id, self.seats = battle, battle_id, dict(seats)
        self.between_rounds = False
        self.over = False
        self._choosing = False
        self._host, self._random = host, random
        self._bots = {seat: (bots or {}).get(seat, fallback) for seat in seats}
        self._state: Mapping[str, Any] = battle.state()
        self._mask: Sequence[bool] = battle.action_mask()
        self._round: int = getattr(battle, "round", 0)  # 0: the game has none
        host.on_battle_start(battle_id, self.seats, sides)
        self._say_due()

    @property
    def seat_to_play(self) -> int | None:
        """The seat that has to act; None between rounds and when the battle is over."""
        return None if self.between_rounds or self.over else self.battle.seat

    @property
    def state(self) -> Mapping[str, Any]:
        """The present state; nobody changes it."""
        return self._state

    @property
    def action_mask(self) -> Sequence[bool]:
        """The legal actions of `seat_to_play`, `[A]`."""
        return self._mask

    def decide(self) -> int | None:
        """A computer seat's action: the plugin's opinion where it controls the seat and has one, else the bot's; None
        where the bot has played its turn by itself. Either goes to `play`."""
        seat = self.seat_to_play
        if seat is None or self.seats[seat] == PLAYER:
            raise RuntimeError("decide() is for a computer's seat whose turn it is; a player's action goes to play()")
        if self.seats[seat] == PLUGIN:
            action = self._host.choose_action(self.battle_id, seat, self._state, self._mask)
            if action is not None:
                return action
        return self._bots[seat](self.battle, self._random)

    def choosing(self) -> None:
        """The player is choosing now; reported once for each choice, so call it every frame."""
        seat = self.seat_to_play
        if seat is not None and self.seats[seat] == PLAYER and not self._choosing:
            self._choosing = True
            self._host.on_choosing(self.battle_id, seat)

    def play(self, action: int | None) -> Any:
        """Apply the action of `seat_to_play` and report it; returns what the rules say happened. None: a bot has played
        by itself, so only what came of it is seen.

        ValueError, with the rules' sentence and nothing changed, for an illegal action.
        """
        seat, round_before = self.seat_to_play, self._round
        if seat is None and action is not None:
            raise ValueError("No action is due now: the round is being prepared or the battle is over.")
        happened = None if action is None else self.battle.apply(action)
        self._choosing = False
        before, mask = self._state, self._mask
        self._state = self.battle.state()
        outcome = self.battle.outcome
        self._mask = () if outcome is not None else self.battle.action_mask()
        self._round = getattr(self.battle, "round", 0)
        if seat is not None and action is not None:
            self._host.on_turn(self.battle_id, seat, before, mask, action, self._state)
        if outcome is not None:
            self._end(outcome, truncated=False)
        elif self._round != round_before:
            self.between_rounds = True
            self._host.on_round_end(self.battle_id, round_before)
        if outcome is None:
            self._say_due()
        return happened

    def _say_due(self) -> None:
        """Say that a decision of the plugin's comes up, also between two rounds: it may think in the meantime."""
        seat = self.battle.seat
        if seat is not None and self.seats[seat] == PLUGIN:
            self._host.on_due(self.battle_id, seat, self._state, self._mask)

    def start_round(self) -> None:
        """End the break between two rounds; does nothing outside of one."""
        if self.between_rounds:
            self.between_rounds = False
            self._host.on_round_start(self.battle_id, self._round)

    def abandon(self) -> None:
        """The player leaves: the battle is cut off without a result."""
        if not self.over:
            self._end(dict.fromkeys(self.seats, 0), truncated=True)

    def _end(self, outcome: Mapping[int, float], truncated: bool) -> None:
        self.over, self.between_rounds = True, False
        self._host.on_battle_end(self.battle_id, outcome, truncated)
        self._host.on_round_end(self.battle_id, self._round)
