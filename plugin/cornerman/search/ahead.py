"""Look-ahead beside a running game: decisions go to a worker as they come up, and the answer is there when asked for.

The game's thread only; nothing waits, but for `thought` in a game without frames (setting `thinking_ms`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from cornerman.contract import Bools, Floats, State
from cornerman.experience.encoder import described
from cornerman.policy.policy import Policy
from cornerman.search.thought import Due, Thought

POLL_S = 0.0005
FEWEST_DECISIONS = 10
"""Decisions that must have been asked for before failures can end look-ahead, as with headless battles."""


class Thinking(Protocol):
    """A worker that looks ahead."""

    @property
    def knows(self) -> Policy | None:
        """The champion that it looks ahead with; None: it does not look ahead."""

    @property
    def thought(self) -> Thought | None:
        """The newest answer."""

    def due(self, due: Due) -> None: ...


class Ahead:
    """Asks a worker for the decisions that come up; one is asked for at a time, the newest."""

    def __init__(self, worker: Thinking | None, seed: int, wait_s: float, say: Callable[[str], None]) -> None:
        """`worker`: None where nothing looks ahead; `wait_s`: how long `thought` waits for the end of a search in a
        game without frames."""
        self._worker, self._seed, self._say = worker, seed, say
        self._wait_s, self._may_wait_s = 0.0, wait_s
        self._number, self._slow = 0, False
        self._asked: tuple[int, int] | None = None
        """Battle and seat of the newest decision; None: it was answered."""
        self._ended = self._failed = 0  # decisions: answered, or failed; failed
        self.actions = 0
        """How many decisions were taken by look-ahead."""

    def settle(self) -> None:
        """The game waits for learning, as one without frames does: from now on `thought` may wait, too."""
        self._wait_s = self._may_wait_s

    def frame(self) -> None:
        """The game draws: from now on nothing waits."""
        self._wait_s = self._may_wait_s = 0.0

    def due(self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool], champion: Policy) -> None:
        """A decision comes up in which `champion` plays."""
        if self._worker is None or self._worker.knows is not champion:
            return
        self._number += 1
        try:
            mask = [bool(may) for may in action_mask]
            self._worker.due(Due(self._number, seat, state, mask, self._seed + self._number))
        except ValueError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - state and mask are the game's own objects and may raise anything
            self._fail(f"a decision could not be read: {described(error)}")
        else:
            self._asked = battle_id, seat

    def thought(
        self, battle_id: int, seat: int, state: State, observation: Floats, mask: Bools, champion: Policy
    ) -> Thought | None:
        """The answer, with the best action found for what the seat sees and may do; None where there is none, or
        another champion plays by now. Where it may wait, it asks for a decision that `due` did not announce."""
        if self._wait_s and self._asked != (battle_id, seat):
            self.due(battle_id, seat, state, mask.tolist(), champion)
        worker, asked, self._asked = self._worker, self._asked, None
        if worker is None or asked != (battle_id, seat) or worker.knows is not champion:
            return None
        thought, end = worker.thought, time.monotonic() + self._wait_s
        while worker.knows is champion and time.monotonic() < end:
            if thought is not None and thought.number == self._number and thought.ended:
                break
            time.sleep(POLL_S)
            thought = worker.thought
        if thought is not None and thought.slow and not self._slow:
            self._slow = True
            self._say(f"Look-ahead is slow: {thought.slow}.")
        if thought is None or thought.number != self._number:
            return None
        if thought.problem:
            self._fail(thought.problem)
        else:
            self._ended += 1
        if not thought.fits(self._number, observation, mask):
            return None
        self.actions += 1
        return thought

    def _fail(self, why: str) -> None:
        """The champion takes the decision alone. One failure may be a rare state; where most fail, look-ahead ends."""
        self._ended += 1
        self._failed += 1
        if self._ended >= FEWEST_DECISIONS and 2 * self._failed > self._ended:
            self._worker = None
            self._say(f"Look-ahead is off, as it failed for {self._failed} of {self._ended} decisions: {why}.")
        elif self._failed == 1:
            self._say(f"Look-ahead failed for a decision, which was taken without it: {why}.")
