"""Queue of game events, filled on the game's thread and drained into the recorder on the trainer's; and `Recording`,
which owns the queue of a running game.

Checking and encoding a turn takes some 20 us in a loop, but five to ten times that from cold caches, as a window calls
it; copying its plain data takes a sixth. So the game's thread only copies, and the recorder works later, in the same
order. Where no trainer lives, the owner drains the queue when no frame waits. A game's own `encode` is called then, so
it must depend on nothing but its arguments.

Any thread may enqueue, which never waits, and any may drain, one at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from threading import Lock
from typing import Any

from cornerman.contract import BattleEnd, Source, State, Transition
from cornerman.experience.battle_store import BattleStore, Counts
from cornerman.experience.encoder import Encoder, shown
from cornerman.experience.recorder import MAX_OPEN_BATTLES, Recorder, player_name
from cornerman.experience.rewards import RewardCalculator
from cornerman.files.quality_note import QualityNote

MAX_EVENTS = 1024
"""Where more than these wait, as no trainer drains them, enqueuing one drains some."""
DRAINED_AT_ONCE = 64
MAX_ITEMS = 4096
"""Where more recorded items than these wait, enqueuing an event asks for them to be stored."""

_SCALARS = frozenset({int, float, str, bool, type(None)})
_DICT = frozenset({dict})


class EventQueue:
    """Takes the events that a recorder takes; `popleft` returns what the recorder made of them, one item at a time."""

    def __init__(
        self,
        recorder: Recorder,
        items: deque[Transition | BattleEnd],
        whole_states: bool,
        keep: Callable[[], object] | None = None,
    ) -> None:
        """`items` is what the recorder hands over to. `whole_states`: the game encodes features of its own.

        `keep` is called on the thread that enqueues when too many items wait, as in a battle that never ends.
        """
        self._recorder, self._items, self._keep = recorder, items, keep
        self._copy_state = _copied if whole_states else _standard
        self._turn = recorder.turn
        self._events: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._draining = Lock()

    def __len__(self) -> int:
        """How many events wait to be drained."""
        return len(self._events)

    # -------------------------------------------------------------------------------------------------------- enqueue

    def turn(
        self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool], action: int, next_state: State
    ) -> tuple[State, Sequence[bool]]:
        """As `Recorder.turn`; the arguments may change as soon as this returns. Returns copies of state and mask."""
        copy = self._copy_state
        try:
            turn = battle_id, seat, copy(state), tuple(action_mask), action, copy(next_state)
        except Exception:  # noqa: BLE001 - the game's own objects may raise anything: then the careful way
            turn = battle_id, seat, copied(state), copied(action_mask), action, copied(next_state)
        self._enqueue(self._turn, *turn)
        return turn[2], turn[3]

    def start(
        self,
        battle_id: int,
        seats: Mapping[int, Source],
        sides: Mapping[int, int] | None = None,
        player: str | None = None,
    ) -> None:
        """As `Recorder.start`; `seats` must not change any more."""
        self._enqueue(self._recorder.start, battle_id, seats, copied(sides), player)

    def chose(self, battle_id: int, seat: int, action: int, version: int) -> None:
        """As `Recorder.chose`."""
        self._enqueue(self._recorder.chose, battle_id, seat, action, version)

    def end(self, battle_id: int, outcome: Mapping[int, float], truncated: bool = False) -> None:
        """As `Recorder.end`."""
        self._enqueue(self._recorder.end, battle_id, copied(outcome), bool(truncated))

    def abandon(self, battle_id: int) -> None:
        """As `Recorder.abandon`."""
        self._enqueue(self._recorder.abandon, battle_id)

    def _enqueue(self, record: Callable[..., None], *arguments: Any) -> None:
        self._events.append((record, arguments))
        if len(self._events) > MAX_EVENTS:
            self.drain(DRAINED_AT_ONCE)
            if self._keep is not None and len(self._items) > MAX_ITEMS:
                self._keep()

    # ---------------------------------------------------------------------------------------------------------- drain

    def drain(self, most: int | None = None) -> None:
        """Let the recorder take events, at most so many; nothing where another thread is draining."""
        if not self._draining.acquire(blocking=False):
            return
        try:
            waiting = len(self._events)
            for _ in range(waiting if most is None else min(most, waiting)):
                self._record_next()
        finally:
            self._draining.release()

    def popleft(self) -> Transition | BattleEnd:
        """The next recorded item; IndexError where no event is left that makes one."""
        with self._draining:
            while not self._items:
                self._record_next()
            return self._items.popleft()

    def items(self) -> Iterator[Transition | BattleEnd]:
        """Every item that is left."""
        with suppress(IndexError):
            while True:
                yield self.popleft()

    def forget(self) -> None:
        """Drop what was recorded and its counts; of battles under way, later turns are recorded."""
        with self._draining:
            while self._events:
                self._record_next()
            self._items.clear()
            self._recorder.forget()

    def _record_next(self) -> None:
        """Under the lock; IndexError where no event waits."""
        record, arguments = self._events.popleft()
        record(*arguments)


class Recording:
    """Records the battles of a running game and stores them; a switch takes effect in mid-battle.

    `store`, `note_quality` and `erase` are called on the thread that owns the files: the trainer's, or the game's.
    """

    def __init__(
        self,
        encoder: Encoder,
        rewards: RewardCalculator,
        battles: BattleStore,
        quality: QualityNote,
        say: Callable[[str], object],
        keep: Callable[[], object],
    ) -> None:
        """`say` takes a message for each reason of a rejection; `keep` is called where too many items wait."""
        self._recorded: deque[Transition | BattleEnd] = deque()
        self.recorder = Recorder(encoder, rewards, self._recorded.append, say)
        self.events = EventQueue(self.recorder, self._recorded, encoder.reads_whole_state, keep)
        self.open: dict[int, tuple[Mapping[int, Source], Mapping[int, int] | None, str | None]] = {}
        """Who decides in which seat of the battles under way, recorded or not, which seats win together, the player."""
        self.player: str | None = None
        """Who plays, set by the owner; "": no player, or one without a name; None: nobody was named yet."""
        self._battles, self._quality, self.on = battles, quality, True

    def start(
        self,
        battle_id: int,
        seats: Mapping[int, Source],
        sides: Mapping[int, int] | None = None,
        player: str | None = None,
    ) -> None:
        """Add a battle; where too many are under way, the oldest is dropped, since the game never ends it."""
        if len(self.open) >= MAX_OPEN_BATTLES:
            del self.open[next(iter(self.open))]
        self.open[battle_id] = seats, sides, player
        if self.on:
            self.events.start(battle_id, seats, sides, player)

    def turn(
        self, battle_id: int, seat: int, state: State, action_mask: Sequence[bool], action: int, next_state: State
    ) -> tuple[State, Sequence[bool]] | None:
        """An action has been applied; returns copies of state and mask, None where nothing is recorded."""
        return self.events.turn(battle_id, seat, state, action_mask, action, next_state) if self.on else None

    def chose(self, battle_id: int, seat: int, action: int, version: int) -> None:
        """A version has chosen an action."""
        if self.on:
            self.events.chose(battle_id, seat, action, version)

    def end(self, battle_id: int, outcome: Mapping[int, float], truncated: bool) -> Mapping[int, Source]:
        """End a battle; returns its seats, none where it is unknown."""
        if self.on:
            self.events.end(battle_id, outcome, truncated)
        return self.open.pop(battle_id, ({}, None, None))[0]

    def source(self, battle_id: int, seat: int) -> Source | None:
        """Who decides in a seat of a battle under way; None: not known."""
        with suppress(TypeError):  # an id or a seat that is no number: the recorder says so
            return self.open[battle_id][0].get(seat) if battle_id in self.open else None
        return None

    def against_player(self, battle_id: int) -> bool:
        """Whether a player sits in a battle under way."""
        return battle_id in self.open and Source.PLAYER in self.open[battle_id][0].values()

    def switch(self, on: bool) -> None:
        if on != self.on:
            self.on = on
            self.cut()

    def cut(self, player: str | None = None) -> None:
        """Abandon what was recorded of battles under way, those of one player or all; where recording is on they are
        recorded from here on."""
        for battle_id, battle in self.open.items():
            if player not in (None, player_name(battle[2])):
                continue
            self.events.abandon(battle_id)
            if self.on:
                self.events.start(battle_id, *battle)

    def abandon(self) -> None:
        """Abandon the battles under way, at the end of the game."""
        for battle_id in self.open:
            self.events.abandon(battle_id)

    def waiting(self) -> list[Transition | BattleEnd]:
        """Items recorded and not yet taken."""
        self.events.drain()
        return list(self._recorded)

    # -------------------------------------------------------------------------------- the thread that owns the files

    def store(self, wait: bool = True) -> int:
        """Store the items waiting in `events`; `wait`: for the disk. Returns how many this session has stored."""
        with self._battles.together(wait):
            for item in self.events.items():
                self._battles.take(item)
        return self._battles.kept

    def forget_player(self, player: str) -> Counts:
        """Erase the battles of a player; returns what was erased. ModelError where that fails."""
        self.store()
        return self._battles.forget_player(player)

    def note_quality(self, ending: bool = False) -> None:
        """Write the counts for `cornerman doctor`."""
        self._quality.write(self.recorder.quality(), ending)

    def erase(self) -> Counts:
        """Erase everything from memory and disk; ModelError or OSError where a file cannot be erased."""
        self.events.forget()
        self._quality.erase()
        return self._battles.forget()


class _Unreadable:
    """Placeholder for an object of the game that could not be copied; reading it raises what copying it raised."""

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
    """A copy of the usual state, as far as the recorder reads it; an unusual one may raise anything."""
    characters = state["characters"]
    if not _DICT.issuperset(map(type, characters)):
        raise TypeError("a subclass of dict may return something else than it holds")
    return {"round": state["round"], "characters": [character.copy() for character in characters]}


def copied(value: Any) -> Any:
    """A copy of plain data that the game may change later; never raises."""
    try:
        return _copied(value)
    except Exception as error:  # noqa: BLE001 - the game's own objects may raise anything; the recorder reports it
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
