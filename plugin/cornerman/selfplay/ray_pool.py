"""Workers past one machine: actors of a Ray cluster (the extra `ray`); the learner stays here.

Ray starts, reaches and counts the machines. Orders and answers are the same arrays and plain data as between processes.
The plugin and the game must be installed, or lie in the working directory, there too.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from cornerman.contract import CornermanError
from cornerman.selfplay.games import find_game
from cornerman.selfplay.worker import Worker
from cornerman.selfplay.worker_process import ONE_THREAD, Answer, Arrays, WorkerError


class RayWorker:
    """A worker as an actor: what it raises comes back to whoever asked."""

    def __init__(self, game_name: str, hidden: tuple[int, ...], seed: int, number: int) -> None:
        self._worker = Worker(find_game(game_name), hidden, seed, number)

    def obey(self, arrays: Arrays, order: Mapping[str, Any]) -> tuple[Arrays, dict[str, Any]]:
        """The answer to one order."""
        return self._worker.obey(arrays, order)

    def pid(self) -> int:
        """The process it runs in."""
        return os.getpid()


class RayCluster:
    """A connection to Ray that starts workers; a context manager that closes itself."""

    def __init__(self, address: str = "") -> None:
        """`address` of a running cluster, or "" for one of its own on this machine; CornermanError without Ray."""
        try:
            ray: Any = import_module("ray")  # by name: types are checked without it too
        except ImportError as error:
            why = "--engine ray needs Ray, which is not installed (pip install ray)."
            raise CornermanError(why) from error
        self._ray, self._is_ours = ray, not ray.is_initialized()
        if self._is_ours:
            handler = signal.getsignal(signal.SIGTERM)
            try:
                ray.init(address=address or "local", log_to_driver=False, include_dashboard=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise CornermanError(f"Ray cannot be reached at {address or 'this machine'}: {error}") from error
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler)  # Ray's own would end this process before it has saved anything
        # An actor takes a whole core only where there are enough of them: the judge is idle most of the time.
        self._actor = ray.remote(num_cpus=0.5, runtime_env={"env_vars": dict(ONE_THREAD)})(RayWorker)

    def start(self, game_name: str, hidden: tuple[int, ...], seed: int, number: int) -> RayHandle:
        """A worker somewhere in the cluster."""
        return RayHandle(self._ray, self._actor.remote(game_name, hidden, seed, number))

    def close(self) -> None:
        """Leave the cluster, and end it where it is our own."""
        if self._is_ours:
            self._ray.shutdown()

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RayHandle:
    """One actor, ordered as a WorkerProcess is."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self._actor = ray, actor
        self._due: Any = None  # the answer to come

    @property
    def pid(self) -> int:
        return int(self._ray.get(self._actor.pid.remote()))

    def order(self, arrays: Arrays, notes: Mapping[str, Any]) -> None:
        """Send an order; its answer comes through `answer`."""
        self._due = self._actor.obey.remote(dict(arrays), dict(notes))

    def answer(self, wait_s: float) -> Answer | None:
        """The answer if there is one within `wait_s` seconds; WorkerError where the actor is lost."""
        if self._due is None or not self._ray.wait([self._due], timeout=wait_s)[0]:
            return None
        try:
            arrays, notes = self._ray.get(self._due)
        except self._ray.exceptions.RayError as error:
            raise WorkerError(str(error).strip().splitlines()[-1]) from error
        self._due = None
        return dict(arrays), dict(notes)

    def close(self) -> None:
        """End the actor."""
        self._ray.kill(self._actor)
