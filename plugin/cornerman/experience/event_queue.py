"""What the game tells of its battles: taken down on its thread, read by the recorder on the trainer's.

Checking and encoding a turn takes some 20 us in a loop, but five to ten times that from cold caches, as a window calls
it; copying its plain data takes a sixth. So the game's thread only copies, and what it told is read later, in its
order. Where no trainer lives, the owner calls `read` when no frame waits. A game's own `encode` is called while
reading, so it must depend on nothing but what it is given.

Any thread may tell and any may read, one at a time; whoever tells never waits. No torch and no files here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from threading import Lock
from typing import Any

from cornerman.contract import BattleEnd, Source, State, Transition
from cornerman.experience.encoder import shown
from cornerman.experience.recorder import Recorder

MAX_WAITING = 1024
"""More than these wait for a trainer that does not come: then whoever tells more reads some of them."""
READ_AT_ONCE = 64

_SCALARS = frozenset({int, float, str, bool, type(None)})
_DICT = frozenset({dict})


class EventQueue:
    """Tell it as you would tell the recorder; `popleft` gives what the recorder made of it, one item at a time."""

    def __init__(self, recorder: Recorder, handed_over: deque[Transition | BattleEnd], whole_states: bool) -> None:
        """`handed_over` is where the recorder puts its items. `whole_states`: the game encodes features of its own."""
        self._recorder, self._handed_over = recorder, handed_over
        self._take = _copied if whole_states else _standard
        self._turn = recorder.turn
        self._told: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._reading = Lock()

    def __len__(self) -> int:
        """How much waits to be read."""
        return len(self._told)

    # ------------------------------------------------------------------------------------------------ telling (quick)

    def turn(
        self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool], action: int, next_state: State
    ) -> None:
        """As `Recorder.turn`; what is given may change as soon as this returns."""
        take = self._take
        try:
            turn = battle_id, seat, take(state), tuple(action_mask), action, take(next_state)
        except Exception:  # noqa: BLE001 - the game's own objects may raise anything: then the careful way
            turn = battle_id, seat, copied(state), copied(action_mask), action, copied(next_state)
        self._tell(self._turn, *turn)

    def start(self, battle_id: int, seats: Mapping[int, Source]) -> None:
        """As `Recorder.start`; `seats` must not change any more."""
        self._tell(self._recorder.start, battle_id, seats)

    def chose(self, battle_id: int, seat: int, action: int, version: int) -> None:
        """As `Recorder.chose`."""
        self._tell(self._recorder.chose, battle_id, seat, action, version)

    def end(self, battle_id: int, outcome: Mapping[int, int], truncated: bool = False) -> None:
        """As `Recorder.end`."""
        self._tell(self._recorder.end, battle_id, copied(outcome), bool(truncated))

    def abandon(self, battle_id: int) -> None:
        """As `Recorder.abandon`."""
        self._tell(self._recorder.abandon, battle_id)

    def _tell(self, tell: Callable[..., None], *arguments: Any) -> None:
        self._told.append((tell, arguments))
        if len(self._told) > MAX_WAITING:
            self.read(READ_AT_ONCE)

    # ----------------------------------------------------------------------------------------------------- reading

    def read(self, most: int | None = None) -> None:
        """Let the recorder hear what was told, at most so much of it; nothing where another thread is reading."""
        if not self._reading.acquire(blocking=False):
            return
        try:
            waiting = len(self._told)
            for _ in range(waiting if most is None else min(most, waiting)):
                self._hear()
        finally:
            self._reading.release()

    def popleft(self) -> Transition | BattleEnd:
        """The next item that the recorder handed over; IndexError where nothing that was told makes one."""
        with self._reading:
            while not self._handed_over:
                self._hear()
            return self._handed_over.popleft()

    def rest(self) -> Iterator[Transition | BattleEnd]:
        """Every item that is left."""
        with suppress(IndexError):
            while True:
                yield self.popleft()

    def forget(self) -> None:
        """Drop what was recorded and its counts; of battles under way, the turns told from now on are recorded."""
        with self._reading:
            while self._told:
                self._hear()
            self._handed_over.clear()
            self._recorder.forget()

    def _hear(self) -> None:
        """Under the lock; IndexError where nothing waits."""
        tell, arguments = self._told.popleft()
        tell(*arguments)


class _Unreadable:
    """Stands in for something of the game's that could not be copied; reading it raises what copying it raised."""

    def __init__(self, value: object, error: Exception) -> None:
        error.__traceback__ = error.__context__ = error.__cause__ = None  # they would hold on to the game's objects
        self._text, self._error = shown(value), error

    def __getitem__(self, key: object) -> Any:
        raise self._error

    def __iter__(self) -> Any:
        raise self._error

    def __repr__(self) -> str:
        return self._text


def _standard(state: State) -> Any:
    """A copy of the usual state, as far as the recorder reads it; raises anything where it is unusual."""
    characters = state["characters"]
    if not _DICT.issuperset(map(type, characters)):
        raise TypeError("a dictionary of the game's own may answer with something else than it holds")
    return {"round": state["round"], "characters": [character.copy() for character in characters]}


def copied(value: Any) -> Any:
    """A copy of plain data that the game may change later; never raises."""
    try:
        return _copied(value)
    except Exception as error:  # noqa: BLE001 - the game's own objects may raise anything; the recorder says what
        return _Unreadable(value, error)


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        if _SCALARS.issuperset(map(type, value.values())):
            return value.copy()
        return {key: _copied(held) for key, held in value.items()}
    if kind is list or kind is tuple:
        if _SCALARS.issuperset(map(type, value)):
            return value[:]
        return kind([_copied(held) for held in value])
    if isinstance(value, Mapping):
        return {key: _copied(value[key]) for key in value}  # as a reader would ask for it
    return deepcopy(value)
