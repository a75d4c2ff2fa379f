"""Models of all players of a game: each learns from that player's recorded decisions and from nothing else.

The trainer's thread owns it. Nothing derived is stored: the stored battles make the same models at the next start.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cornerman.contract import BattleEnd, Source, Transition
from cornerman.experience.rewards import plugins_outcome
from cornerman.opponent.ghost import Ghost
from cornerman.opponent.player_model import PlayerModel, most_decisions
from cornerman.opponent.record import Record
from cornerman.opponent.rules import Decisions
from cornerman.policy.policy import Policy

MAX_PLAYERS = 16
"""Players that models are kept of, those that played last."""


class Players:
    """The models of all players, which learn a piece at a time."""

    def __init__(
        self,
        champion: Callable[[], Policy],
        feature_names: Sequence[str],
        action_names: Sequence[str],
        scales: Mapping[str, float] | None = None,
        changed: Callable[[Players], object] = lambda players: None,
        counted: Callable[[Record, int], object] = lambda record, unlearned: None,
        policy_of: Callable[[int], Policy] | None = None,
    ) -> None:
        """`champion` returns the policy that the models are laid over; `scales` is for words, see `words.habits`;
        `policy_of` gives the policy of a version that decided, for what its values were worth.

        `changed` is called when the model of the present player has changed, or another one plays; `counted` with the
        record against the present player, and how many battles are not learned yet, when either has changed.
        """
        self._champion, self._names, self._scales = champion, (feature_names, action_names), dict(scales or {})
        self._changed, self._counted, self._policy_of = changed, counted, policy_of or (lambda version: champion())
        self._battles: OrderedDict[str, deque[Decisions]] = OrderedDict()  # by player, who played last at the end
        self._met = False
        self.present = ""
        """The player of the battle that began last; before the first one, of the last one that is stored."""
        self.forget()

    def forget(self) -> None:
        """Drop everything."""
        self._battles.clear()
        self._records: dict[str, Record] = {}  # "": also of battles without a player
        self._models: dict[str, PlayerModel] = {}  # with all that was learned
        self._growing: dict[str, PlayerModel] = {}
        self._due: dict[str, deque[Decisions]] = {}  # battles that are not learned yet, by player
        self._work: tuple[str, Iterator[None]] | None = None
        self._base = self._champion()
        self._changed(self)
        self.show_record()

    def show_record(self) -> None:
        """Call `counted` for the present player."""
        self._counted(self._records.get(self.present, Record()), self.unlearned)

    @property
    def unlearned(self) -> int:
        """Battles of the present player that are kept and not learned yet, with the one that is being learned."""
        under_way = self._work is not None and self._work[0] == self.present
        return len(self._due.get(self.present, ())) + under_way

    @property
    def model(self) -> PlayerModel | None:
        """The model of the present player; None before the first battle. It changes only while `advance` is called."""
        return self._models.get(self.present)

    def meet(self, player: str) -> None:
        """A battle against this player begins."""
        self._met = True
        if player != self.present:
            self.present = player
            self._changed(self)
        self.show_record()

    def end(self, rows: Sequence[Transition], end: BattleEnd) -> None:
        """A battle has ended: its player's decisions are learned from, in pieces, later."""
        self._count(rows, end)
        if taken := [row for row in rows if row.source is Source.PLAYER]:
            self._keep(taken, end.player)
        if self._met:
            self.show_record()

    def _keep(self, taken: Sequence[Transition], player: str) -> None:
        """Keep a battle's decisions of a player, to be learned."""
        decisions = Decisions(
            np.stack([row.observation for row in taken]),
            np.stack([row.action_mask for row in taken]),
            np.array([row.action for row in taken], np.int64),
        )
        battles = self._battles.setdefault(player, deque())
        self._battles.move_to_end(player)
        battles.append(decisions)
        while sum(battle.num for battle in battles) - battles[0].num >= most_decisions(decisions):
            battles.popleft()
        due = self._due.setdefault(player, deque())
        due.append(decisions)
        while len(due) > len(battles):  # too old by now
            due.popleft()
        if not self._met:
            self.present = player
        while len(self._battles) > MAX_PLAYERS:
            self._drop(next(iter(self._battles)))

    def _count(self, rows: Sequence[Transition], end: BattleEnd) -> None:
        """Add a battle of the plugin's seats to its record, whoever decided; and a policy's values in the first."""
        outcome = plugins_outcome(end.seats, end.outcome)
        if end.truncated or outcome is None:
            return
        player = Source.PLAYER in end.seats.values()
        record = self._records.setdefault(end.player * player, Record())
        if player:
            record.shares.append((outcome + 1.0) / 2.0)
        seat = next(seat for seat, source in end.seats.items() if source is Source.PLUGIN)
        if own := [row for row in rows if row.seat == seat and row.version >= 0]:  # not a candidate's
            values = self._policy_of(own[0].version).q_values_batch(np.stack([row.observation for row in own]))
            record.add(values[np.arange(len(own)), [row.action for row in own]], (end.outcome[seat] + 1.0) / 2.0)

    def _drop(self, player: str) -> None:
        for held in (self._battles, self._records, self._models, self._growing, self._due):
            held.pop(player, None)

    def advance(self) -> bool:
        """Learn a piece of some milliseconds, of the present player first; False where nothing is left to learn."""
        if self._champion() is not self._base:
            self._begin_anew()
        if self._work is None:
            if not self._due:
                return False
            self._work = self._next_battle()
        player, work = self._work
        if next(work, _OVER) is _OVER:
            self._work = None
            self._learned(player)
        return True

    def _next_battle(self) -> tuple[str, Iterator[None]]:
        """A player with battles that are due, and the learning of the oldest of them."""
        player = self.present if self.present in self._due else next(iter(self._due))
        decisions = self._due[player].popleft()
        if not (waiting := len(self._due[player])):
            del self._due[player]
        if player not in self._growing:
            self._growing[player] = PlayerModel(self._base, *self._names)
        return player, self._growing[player].learn(decisions, waiting)

    def _begin_anew(self) -> None:
        """Another champion: models are laid over it, from all that is kept; the old ones serve until then."""
        self._base, self._work = self._champion(), None
        self._growing.clear()
        self._due = {player: deque(battles) for player, battles in self._battles.items()}
        self._changed(self)
        self.show_record()

    def _learned(self, player: str) -> None:
        """A battle was learned: the model serves once nothing is due, and before that where no other one does yet."""
        self.show_record()
        model = self._growing.get(player)  # None: dropped meanwhile
        if model is not None:
            if player in self._due and (self._models.get(player, model) is not model or model.battles.bit_count() > 1):
                return
            self._models[player] = model
        if player == self.present:
            self._changed(self)

    def ghost(self) -> Ghost | None:
        """The present player as a fighter, which no later learning changes; None where the player is not known."""
        model = self.model
        if model is None:
            return None
        base = model.champion
        frozen = PlayerModel.from_arrays(model.arrays(), base)
        return Ghost(self.present, frozen, base, model.battles, model.score.decisions)

    def report(self) -> dict[str, Any]:
        """What is known of the present player, as plain data, for `Report`."""
        model = self.model
        if model is None:
            return {}
        score = model.recent_score
        return {
            "name": self.present,
            "battles": model.battles,
            "decisions": model.score.decisions,
            "foreseen": score.hits / score.decisions,
            "champion_foresees": None if model.champion.indifferent else score.champion_hits / score.decisions,
            "loss": score.loss / score.uniform_loss if score.uniform_loss else 0.0,
            "habits": [habit.sentence for habit in model.habits(self._scales)],
        }


_OVER = object()
