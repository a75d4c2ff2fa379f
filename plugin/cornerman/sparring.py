"""Sparring: headless battles that the trainer plays in its windows, so that a few live battles teach more.

The newest policy, exploring, meets scripted fighters, itself and earlier champions, always all three. What both seats
decide is recorded like a live battle, marked as self-play. Played a turn at a time; the trainer's thread only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from random import Random

from cornerman.contract import BattleEnd, HeadlessGame, Rival, Source, Transition
from cornerman.encoder import Encoder
from cornerman.evaluation import MAX_TURNS, Fighter
from cornerman.policy import Policy
from cornerman.recorder import Recorder
from cornerman.rewards import RewardCalculator

FIRST_ID = 1 << 40
"""Battle ids of sparring lie above those that a game gives."""


class Sparring:
    """A queue of battles to play; `advance` plays one turn of the present one."""

    def __init__(
        self,
        game: HeadlessGame,
        encoder: Encoder,
        rewards: RewardCalculator,
        random: Random,
        newest: Callable[[], Policy],
        champions: Callable[[], tuple[Policy, ...]],
        epsilon: float,
    ) -> None:
        self.due = 0.0  # battles still to play
        self.rows: deque[Transition | BattleEnd] = deque()
        self._game, self._encoder, self._random, self._epsilon = game, encoder, random, epsilon
        self._newest, self._champions = newest, champions
        self._recorder = Recorder(encoder, rewards, self.rows.append)
        self._rivals = list(game.rivals.values())
        self._played = 0
        self._turns: Iterator[None] = iter(())

    def advance(self) -> bool:
        """Play one turn, or end a battle; False when none is due."""
        for _ in self._turns:
            return True
        if self.due < 1.0:
            return False
        self.due -= 1.0
        self._turns = self._battle()
        return True

    def clear(self) -> None:
        """Drop what is due and what was not collected."""
        self.due, self._turns = 0.0, iter(())
        self.rows.clear()

    def _battle(self) -> Iterator[None]:
        random, recorder = self._random, self._recorder
        battle_id, seat = FIRST_ID + self._played, self._played % 2
        self._played += 1
        opponent, source = self._opponent()
        fighters = {seat: self._fighter(self._newest()), 1 - seat: opponent}
        battle = self._game.new_battle(random.getrandbits(48))
        recorder.start(battle_id, {seat: Source.PLUGIN, 1 - seat: source})
        state = battle.state()
        for _ in range(MAX_TURNS):
            deciding = battle.seat
            if deciding is None:
                break
            mask = battle.action_mask()
            action = fighters[deciding](battle, random)
            battle.apply(action)
            before, state = state, battle.state()
            recorder.turn(battle_id, deciding, before, mask, action, state)
            yield
        outcome = battle.outcome
        recorder.end(battle_id, outcome or {}, truncated=outcome is None)
        yield  # so that whoever advances collects the last rows too

    def _opponent(self) -> tuple[Rival, Source]:
        kind = self._random.randrange(3)
        if kind == 0 and self._rivals:
            return self._random.choice(self._rivals), Source.SCRIPTED
        policy = self._random.choice(self._champions()) if kind == 1 else self._newest()
        return self._fighter(policy), Source.PLUGIN

    def _fighter(self, policy: Policy) -> Rival:
        return Fighter(policy, self._encoder, epsilon=self._epsilon)
