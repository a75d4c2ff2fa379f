"""What was recorded, as the trainer holds it: rings, n-step tails, held-out battles, and the journal beside them.

The trainer's thread owns it. It fills again from the journal, or comes back exactly as `state` described it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BattleEnd, ModelError, Transition
from cornerman.experience.battle_store import PLAYER, SELF_PLAY, BattleStore
from cornerman.experience.held_out import HeldOutBattles
from cornerman.experience.n_step import NStep
from cornerman.experience.replay_buffer import ReplayBuffer, Rings
from cornerman.settings import Settings

Arrays = dict[str, NDArray[Any]]
MAX_EXACT_BYTES = 64 * 2**20
"""Rings larger than this are filled again from the journal: writing them would hold up the end of the game."""


class Experience:
    """Takes in every item that was recorded, keeps it on the disk, and has it ready to learn from."""

    def __init__(
        self, sizes: tuple[int, int], settings: Settings, random: np.random.Generator, safe: BattleStore
    ) -> None:
        """`sizes`: of an observation and of an action mask. `random` draws the rows to learn from."""
        self._sizes, self.safe = sizes, safe
        self.rings = Rings(
            ReplayBuffer(settings.replay_capacity, *self._sizes, random),
            ReplayBuffer(settings.replay_capacity, *self._sizes, random),
        )
        self._n_step = NStep(settings.n_step, settings.gamma)
        self.held_out = HeldOutBattles(settings.held_out_fraction, settings.gamma)
        self.rows: Counter[str] = Counter()
        """Decisions taken in so far by source, earlier sessions included."""

    def take_live(self, item: Transition | BattleEnd) -> int:
        """Take in an item of a battle of the game; returns how many rows became ready to learn from."""
        return self._live(self.safe.take_live(item))

    def take_practice(self, item: Transition | BattleEnd) -> int:
        """Take in an item of a headless battle; returns how many rows became ready to learn from."""
        return self._sparred(self.safe.take_practice(item))

    def _live(self, item: Transition | BattleEnd) -> int:
        if isinstance(item, BattleEnd):
            self.held_out.end(item)
        elif self.held_out.keeps(item):
            return 0
        else:
            self.rows[PLAYER] += 1
        return self._store(item, self.rings.player)

    def _sparred(self, item: Transition | BattleEnd) -> int:
        self.rows[SELF_PLAY] += isinstance(item, Transition)
        return self._store(item, self.rings.selfplay)

    def _store(self, item: Transition | BattleEnd, ring: ReplayBuffer) -> int:
        rows = self._n_step.end(item.battle_id) if isinstance(item, BattleEnd) else self._n_step.push(item)
        for row in rows:
            ring.append(row)
        return len(rows)

    def forget(self) -> None:
        """Drop everything; the files are the caller's."""
        self.empty()
        self.rows.clear()

    def empty(self) -> None:
        """Drop everything but the counts."""
        self.rings.player.clear()
        self.rings.selfplay.clear()
        self._n_step.clear()
        self.held_out.clear()

    # --------------------------------------------------------------------------------------------------- next session

    def refill(self, learned: Mapping[str, int]) -> int:
        """Fill up from the journal; returns how many rows are of battles that were never learned from.

        `learned`: the number below which battles were, by their kind; of a kind that is missing all were. A killed
        session saved no counts of its rows, so those that lie in the rings count at the least.
        """
        counted, self.rows = self.rows, Counter()
        unlearned, new = 0, Counter[str]()
        for kind, take, ring in (
            (SELF_PLAY, self._sparred, self.rings.selfplay),
            (PLAYER, self._live, self.rings.player),
        ):
            for item in self.safe.stored(kind, ring.capacity):
                before, ready = self.rows[kind], take(item)
                if item.battle_id >= learned.get(kind, item.battle_id + 1):
                    unlearned += ready
                    new[kind] += self.rows[kind] - before
        self.rows |= counted + new
        return unlearned

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and plain data from which `restore` goes on exactly."""
        notes: dict[str, Any] = {"rows": dict(self.rows), "numbers": self.safe.numbers()}
        arrays: Arrays = {}
        if self.rings.player.num_bytes + self.rings.selfplay.num_bytes <= MAX_EXACT_BYTES:
            parts = {
                "rings": self.rings.state(),
                "tails": self._n_step.state(*self._sizes),
                "held_out": self.held_out.state(*self._sizes),
            }
            arrays = {f"{part}.{name}": array for part, held in parts.items() for name, array in held.items()}
        return arrays, notes

    def restore(self, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> bool:
        """Become what `state` described; False, having taken in the counts alone, where the journal went on since.

        That is so after a kill: what the killed session recorded is in the journal and in nothing else.
        ModelError where what was saved does not fit, and then nothing has changed but the counts.
        """
        self.rows = Counter({str(source): int(count) for source, count in notes.get("rows", {}).items()})
        if "rings.player.next" not in arrays or not self.safe.take_numbers(notes.get("numbers", {})):
            return False
        parts: dict[str, Arrays] = {"rings": {}, "tails": {}, "held_out": {}}
        for name, array in arrays.items():
            part, _, rest = name.partition(".")
            if part in parts:
                parts[part][rest] = array
        try:
            self._n_step.restore(parts["tails"], *self._sizes)
            self.held_out.restore(parts["held_out"], *self._sizes)
            self.rings.restore(parts["rings"])
            reason = self.rings.check_valid()
        except (ValueError, KeyError, TypeError) as error:
            reason = str(error)
        if reason:
            self.empty()
            raise ModelError(f"The memory of play could not be taken up where it was left ({reason}).")
        return True
