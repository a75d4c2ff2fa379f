"""Experience: what was recorded, as the trainer holds it: replay buffers, n-step tails, and battles that are held out.

The trainer's thread owns it. Every item is stored on the disk, too, and the next session fills the buffers from there.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BattleEnd, Bools, Floats, Transition
from cornerman.experience.battle_store import BattleStore
from cornerman.experience.replay_buffer import ReplayBuffer, ReplayBuffers
from cornerman.experience.transitions import NStep
from cornerman.settings import Settings

Arrays = dict[str, NDArray[Any]]
KEPT_BATTLES = 64
PLAYER, SELF_PLAY = "player", "self-play"
"""Sources of transitions, as manifests count them."""


class Inbox(Protocol):
    """Queue of recorded items that are not yet learned from; IndexError where it is empty."""

    def popleft(self) -> Transition | BattleEnd: ...


@dataclass(frozen=True, slots=True)
class HeldOutBattle:
    """The decisions of one battle, of all its seats, with what came of them."""

    observation: Floats  # [N, F]
    action_mask: Bools  # [N, A]
    action: NDArray[np.int64]  # [N]
    outcome: Floats  # [N]: -1 to 1 for the seat that decided


@dataclass(slots=True)
class HeldOutBattles:
    """A share of the battles, whole, that is not learned from; which ones is decided by their id alone."""

    fraction: float
    battles: deque[HeldOutBattle] = field(default_factory=lambda: deque(maxlen=KEPT_BATTLES))

    def holds(self, battle_id: int) -> bool:
        """Whether a battle is held out: then it must not be learned from."""
        return Random(f"held out {battle_id}").random() < self.fraction

    def end(self, rows: Sequence[Transition], end: BattleEnd) -> None:
        """A battle is over: it is kept where it is held out, unless it was cut off."""
        if not rows or end.truncated or not self.holds(end.battle_id):
            return
        outcome = np.array([end.outcome.get(row.seat, 0) for row in rows], np.float32)
        self.battles.append(
            HeldOutBattle(
                np.stack([row.observation for row in rows]),
                np.stack([row.action_mask for row in rows]),
                np.array([row.action for row in rows], np.int64),
                outcome,
            )
        )


class Experience:
    """Stores every item that was recorded, and has it ready to learn from, beside transitions of practice."""

    def __init__(
        self,
        sizes: tuple[int, int],
        settings: Settings,
        random: np.random.Generator,
        battles: BattleStore,
        inbox: Inbox,
        battle_over: Callable[[Sequence[Transition], BattleEnd], object] = lambda rows, end: None,
    ) -> None:
        """`sizes`: of an observation and of an action mask. `random` draws the transitions to learn from; the owner
        passes what comes out of `inbox` to `take_live`.

        `battle_over` gets the decisions of every battle of the game that ended, now or in an earlier session.
        """
        self.battles, self.inbox = battles, inbox
        self.buffers = ReplayBuffers(
            ReplayBuffer(settings.replay_capacity, *sizes, random),
            ReplayBuffer(settings.practice_capacity, *sizes, random),
        )
        self._n_step = NStep(settings.n_step, settings.gamma)
        self._battle_over = battle_over
        self.ended: list[Transition] = []
        """The decisions of the battle that ended last."""
        self._rows: dict[int, list[Transition]] = {}  # of battles under way
        self.held_out = HeldOutBattles(settings.held_out_fraction)
        self.rows: Counter[str] = Counter()
        """Decisions taken so far by source, earlier sessions included."""

    def take_live(self, item: Transition | BattleEnd) -> int:
        """Take an item of a battle of the game; returns how many transitions became ready to learn from."""
        return self._live(self.battles.take(item))

    def take_practice(self, columns: Arrays) -> int:
        """Take n-step transitions of self-play as columns, `[N]` each; they are not stored. Returns how many."""
        count = len(columns["action"])
        self.buffers.selfplay.append_many(columns)
        self.rows[SELF_PLAY] += count
        return count

    def refill(self, learned: int | None) -> int:
        """Fill the buffer from the disk; returns how many transitions are of battles that were never learned from.

        `learned`: the number below which battles were learned from; None: all were. A killed session saved no counts,
        so what lies in the buffers counts at the least.
        """
        counted, self.rows = self.rows, Counter()
        unlearned, new = 0, Counter[str]()
        for item in self.battles.stored(self.buffers.player.capacity):
            before, ready = self.rows[PLAYER], self._live(item)
            if learned is not None and item.battle_id >= learned:
                unlearned += ready
                new[PLAYER] += self.rows[PLAYER] - before
        self.rows |= counted + new
        return unlearned

    def forget(self) -> None:
        """Drop everything from memory; the files are the caller's."""
        self._forget_live()
        self.buffers.selfplay.clear()
        self.rows.clear()

    def read_again(self) -> None:
        """Fill the buffer of live battles anew from the disk, where some were erased."""
        self._forget_live()
        self.refill(None)

    def _forget_live(self) -> None:
        self.buffers.player.clear()
        self._n_step.clear()
        self._rows.clear()
        self.ended = []
        self.held_out.battles.clear()
        self.rows.pop(PLAYER, None)

    def _live(self, item: Transition | BattleEnd) -> int:
        if isinstance(item, BattleEnd):
            self.ended = self._rows.pop(item.battle_id, [])
            self._battle_over(self.ended, item)
            self.held_out.end(self.ended, item)
            rows = self._n_step.end(item.battle_id)
        else:
            self._rows.setdefault(item.battle_id, []).append(item)
            if self.held_out.holds(item.battle_id):
                return 0
            self.rows[PLAYER] += 1
            rows = self._n_step.push(item)
        for row in rows:
            self.buffers.player.append(row)
        return len(rows)
