"""A worker in a process of its own: started with the game's import name, ordered over its standard input and output.

The process is a plain interpreter that imports the package from where this copy of it lies; it never imports the
program that started it, so a game's main script needs no guard. Messages are frames: a kind, a length, bytes. A reader
thread in the worker receives "pause" and "resume" while an order is being carried out, and decisions to look ahead for,
and ends the process as soon as the pipe does: whatever ends the game, also `kill -9`, closes it. Nothing is unpickled.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import ContractError, CornermanError, RestorableGame
from cornerman.files import interpreter, plain_data
from cornerman.files.tensor_file import pack, unpack
from cornerman.search.thought import Due, Knowledge, Thought

ORDER, PART, ANSWER, PAUSE, RESUME = b"o", b"m", b"a", b"p", b"r"
"""An answer is parts of its arrays, some rows each, and then the rest."""
KNOW, DUE, THOUGHT = b"k", b"d", b"t"
"""Look-ahead: what it has to know, a decision that comes up, and the best action so far."""
_HEADER = struct.Struct("<cQ")
MOST_BYTES = 1 << 31
GIVE_WAY_S = 0.001
"""How often a worker beside a game looks whether somebody waits for its processor."""
PART_BYTES = 1 << 17
"""A worker packs and writes so much without looking whether it has to pause: some 0.1 ms."""
ENDING_S = 2.0
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
"""Environment that holds BLAS to one thread: a worker shares the machine with a game, or with other workers."""
Arrays = Mapping[str, NDArray[Any]]
Answer = tuple[dict[str, NDArray[Any]], dict[str, Any]]
Obey = Callable[[Arrays, Mapping[str, Any]], tuple[Arrays, Mapping[str, Any]]]


class WorkerError(CornermanError):
    """A worker cannot be started, or has ended; the text says why."""


class FaultyGameError(WorkerError):
    """The game breaks its contract in most battles: another worker would find the same."""


# ------------------------------------------------------------------------------------------------ in the game's process


class WorkerProcess:
    """One worker. The trainer's thread owns it; `pause` may be called by any thread and never waits."""

    def __init__(self, game_name: str, options: Mapping[str, Any]) -> None:
        """`game_name` is `module:attribute`, importable in another process, or the name of an installed game.

        `options`: hidden, seed and number of the worker; "bulk" for the larger orders of bulk training; "background"
        false leaves its priority as it is, as for bulk training.

        WorkerError where this platform or program can start no interpreter.
        """
        try:
            self._process = subprocess.Popen(
                interpreter.command("cornerman.selfplay.worker_process:run", {"game": game_name, **options}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **ONE_THREAD},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError, CornermanError) as error:
            raise WorkerError(f"no process could be started ({error})") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self._writing = threading.Lock()
        self._paused = self._told_paused = False
        self._due: deque[bytes] = deque(maxlen=1)
        self.thought: Thought | None = None
        """The newest answer to a decision that was due; any thread may read it."""
        self.lost = False
        """Whether the process has ended."""
        self._answers: queue.SimpleQueue[list[bytes] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="cornerman-worker-reader", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def order(self, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        """Send an order; its answer comes through `answer`. WorkerError where the worker has ended."""
        data = pack(arrays, {"notes": json.dumps(notes)}, "An order")
        with self._writing:
            self._write(ORDER, data)
        self._tell()  # whoever paused meanwhile did not wait for this to be written

    def know(self, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        """Look ahead with this from now on (`thought.knowledge`). WorkerError where the worker has ended."""
        data = pack(arrays, {"notes": json.dumps(notes)}, "What is known")
        with self._writing:
            self._write(KNOW, data)
        self._tell()

    def due(self, due: Due) -> None:
        """Look ahead for this decision; never waits, and any thread may call it. ValueError for a state that is no
        plain data."""
        self._due.append(plain_data.to_bytes([due.number, due.seat, due.state, due.action_mask, due.seed]))
        self._tell()

    def answer(self, wait_s: float) -> Answer | None:
        """The oldest answer not yet taken; None where there is none within `wait_s` seconds.

        WorkerError where the worker has ended, with the reason that it gave.
        """
        try:
            data = self._answers.get(timeout=wait_s) if wait_s > 0.0 else self._answers.get_nowait()
        except queue.Empty:
            return None
        if data is None:
            self._answers.put(None)  # for whoever asks again
            raise WorkerError(f"the worker process ended (exit status {self._process.wait(ENDING_S)})")
        arrays, notes = joined(data)
        if "error" in notes:
            raise (FaultyGameError if notes["faulty"] else WorkerError)(str(notes["error"]))
        return arrays, notes

    def pause(self, paused: bool) -> None:
        """Pause or resume. A paused worker stops in the middle of what it does, and uses no processor time."""
        self._paused = paused
        self._tell()

    def close(self) -> None:
        """End the process; an order under way is dropped. Safe to call twice."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._to, self._from):
            with suppress(OSError):  # what was still to be flushed has nobody to go to
                pipe.close()

    def _tell(self) -> None:
        """Write what any thread wanted to tell, unless another one is writing: that one does it afterwards."""
        while (self._told_paused != self._paused or self._due) and self._writing.acquire(blocking=False):
            try:
                if self._told_paused != self._paused:
                    self._told_paused = self._paused
                    self._write(PAUSE if self._told_paused else RESUME, b"")
                if self._due:
                    self._write(DUE, self._due.popleft())
            except WorkerError:  # the next order or answer says so
                return
            finally:
                self._writing.release()

    def _write(self, kind: bytes, data: bytes) -> None:
        try:
            self._to.write(_HEADER.pack(kind, len(data)))
            self._to.write(data)
            self._to.flush()
        except (OSError, ValueError) as error:
            raise WorkerError(f"the worker process has ended ({error})") from error

    def _read(self) -> None:
        parts = list[bytes]()
        while (frame := _read_frame(self._from)) is not None:
            kind, data = frame
            if kind == THOUGHT:
                self.thought = Thought(**json.loads(data))
                continue
            parts.append(data)
            if kind == ANSWER:
                self._answers.put(parts)
                parts = []
        self.lost = True
        self._answers.put(None)


def joined(parts: list[bytes]) -> Answer:
    """The answer that `in_parts` has taken apart."""
    found: dict[str, list[NDArray[Any]]] = {}
    for part in parts[:-1]:
        for name, rows in unpack(part, "An answer")[0].items():
            found.setdefault(name, []).append(rows)
    notes = json.loads(unpack(parts[-1], "An answer")[1]["notes"])
    return {name: np.concatenate(rows) for name, rows in found.items()}, notes


def in_parts(arrays: Arrays, notes: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    """Kinds and bytes of an answer's messages: each array, some rows at a time, then the rest. No array is a scalar."""
    for name, array in arrays.items():
        rows = max(1, PART_BYTES * len(array) // max(1, array.nbytes))
        for at in range(0, max(1, len(array)), rows):
            yield PART, pack({name: array[at : at + rows]}, None, "An answer")
    yield ANSWER, pack({}, {"notes": json.dumps(notes)}, "An answer")


def _read_frame(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Kind and bytes of the next message; None where the stream ended or holds no message."""
    try:
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return None
        kind, length = _HEADER.unpack(header)
        data = stream.read(length) if length <= MOST_BYTES else b""
    except (OSError, ValueError):  # closed from this side
        return None
    return (kind, data) if len(data) == length else None


# ---------------------------------------------------------------------------------------------- in the worker's process


class Turnstile:
    """Lets the worker's main thread pass while it is not paused. Called once a turn, and by the handler of a signal."""

    def __init__(self, wait: Callable[[threading.Event], object] = threading.Event.wait) -> None:
        self._open, self._wait = threading.Event(), wait
        self._open.set()
        self._changing, self._closed = threading.Lock(), set[str]()  # why it is closed
        self._waiting = False

    def __call__(self) -> None:
        """Wait while paused. A signal that comes in the middle of this changes nothing: its handler would wait for the
        event's lock, which this thread holds."""
        if self._waiting:
            return
        self._waiting = True
        while not self._open.is_set():
            self._wait(self._open)
        self._waiting = False

    @contextmanager
    def passed(self) -> Iterator[None]:
        """The main thread is not stopped in here, but at the end."""
        self._waiting = True
        try:
            yield
        finally:
            self._waiting = False
        self()

    def pause(self, paused: bool, why: str = "window") -> None:
        """Close it, or open it for that reason; it is open where no reason closes it."""
        with self._changing:
            (self._closed.add if paused else self._closed.discard)(why)
            (self._open.clear if self._closed else self._open.set)()

    def stop_now(self, paused: bool, why: str = "window") -> None:
        """`pause`, and stop the main thread before its next bytecode."""
        self.pause(paused, why)
        if paused:
            signal.raise_signal(signal.SIGINT)  # its handler runs on the main thread


def run(given: Mapping[str, Any]) -> None:
    """Main function of the worker's process: obey orders until the pipe ends. An error is answered, and ends it."""
    orders, answers = _take_over_streams()
    sys.setswitchinterval(0.0005)  # so that the reader thread gets the interpreter at once
    turnstile = Turnstile(wait_without_alarms)
    stops_here(lambda: None)  # a pause does not hold up loading: until then nothing could look ahead
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    to_think: queue.SimpleQueue[Due | Knowledge] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders, waiting, to_think, turnstile), daemon=True).start()
    background, writing = given.get("background", not given.get("bulk")), threading.Lock()
    if background:
        interpreter.lower_priority()

    def write(kind: bytes, data: bytes) -> None:
        with writing:
            answers.writelines((_HEADER.pack(kind, len(data)), data))
            answers.flush()

    def send(arrays: Arrays, notes: Mapping[str, Any]) -> None:
        for kind, data in in_parts(arrays, notes):
            with turnstile.passed():  # stopped in here it would hold the lock that the thinker needs
                write(kind, data)

    try:
        obey = _worker(given, turnstile, partial(_think, to_think, write, turnstile, background))
        stops_here(turnstile)
        turnstile()
        while True:
            arrays, texts = unpack(waiting.get(), "An order")
            give_way(GIVE_WAY_S if background else 0.0)
            send(*obey(arrays, json.loads(texts["notes"])))
            give_way(0.0)
    except BrokenPipeError:
        return
    except CornermanError as error:
        send({}, {"error": str(error), "faulty": isinstance(error, ContractError)})
        sys.exit(1)
    except Exception as error:
        send({}, {"error": f"{type(error).__name__}: {error}", "faulty": False})
        raise


def stops_here(turnstile: Callable[[], None]) -> None:
    """Let a pause stop the calling main thread wherever it is, also in a slow turn; Ctrl-C, which goes to the whole
    group, changes nothing."""
    signal.signal(signal.SIGINT, lambda *_: turnstile())


def give_way(period_s: float) -> float:
    """Let the main thread give its processor to whoever waits for it, so often; 0: never. Returns the period before.

    The idle class of Linux does not see to that: a tick of the clock in the middle of a frame's work may give such a
    thread the processor until the next tick, for 4 ms. Elsewhere nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return 0.0
    signal.signal(signal.SIGALRM, lambda *_: os.sched_yield())
    signal.siginterrupt(signal.SIGALRM, False)  # a read in a library of the game's goes on
    return signal.setitimer(signal.ITIMER_REAL, period_s, period_s)[1]


def wait_without_alarms(event: threading.Event) -> None:
    period_s = give_way(0.0)
    event.wait()
    give_way(period_s)


def _worker(given: Mapping[str, Any], turnstile: Callable[[], None], think: Callable[[RestorableGame], None]) -> Obey:
    """Load the game and begin to look ahead (`think`), where it can; not in bulk training."""
    from cornerman.selfplay.games import find_game
    from cornerman.selfplay.worker import BULK, LIVE, Worker

    game, bulk = find_game(given["game"]), bool(given.get("bulk"))
    worker = Worker(
        game, tuple(given["hidden"]), int(given["seed"]), int(given["number"]), BULK if bulk else LIVE, turnstile
    )
    if isinstance(game, RestorableGame) and not bulk:
        think(game)
    return worker.obey


def _think(
    inbox: queue.SimpleQueue[Due | Knowledge],
    write: Callable[[bytes, bytes], None],
    turnstile: Turnstile,
    background: bool,
    game: RestorableGame,
) -> None:
    """Look ahead on a thread of its own, while the main thread waits."""
    from cornerman.search.thinker import Thinker

    def send(thought: Thought) -> None:
        with suppress(BrokenPipeError):  # the reader thread ends the process
            write(THOUGHT, json.dumps(asdict(thought)).encode())

    def working(at_it: bool) -> None:
        turnstile.stop_now(at_it, "look-ahead")

    Thinker(game, inbox, send, working, interpreter.lower_priority if background else lambda: None)


def _take_over_streams() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes for messages; what the game prints goes to standard error, and it reads nothing."""
    try:
        os.fstat(2)
    except OSError:  # a game without a console has none to inherit, and an order must not come in under its number
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return orders, answers


def _listen(
    orders: IO[bytes],
    waiting: queue.SimpleQueue[bytes],
    to_think: queue.SimpleQueue[Due | Knowledge],
    turnstile: Turnstile,
) -> None:
    """Reader thread: orders and pauses to the main thread, decisions to the thinker; the end of the pipe ends all."""
    while (frame := _read_frame(orders)) is not None:
        kind, data = frame
        if kind == ORDER:
            waiting.put(data)
        elif kind == DUE:
            to_think.put(Due(*plain_data.from_bytes(data)))
        elif kind == KNOW:
            arrays, texts = unpack(data, "What is known")
            to_think.put((arrays, json.loads(texts["notes"])))
        else:
            turnstile.stop_now(kind == PAUSE)
    os._exit(0)
