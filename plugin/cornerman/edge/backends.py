"""Playing backends: who computes the Q-values of the decisions in a running game, numpy or something else.

numpy is always there. Another backend is built with the weights of one version, so a version that begins to play has
a new one built off the game's thread, and numpy plays it meanwhile. What fails is left for numpy in the same decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Lock, Thread
from time import perf_counter
from typing import Any, cast

import numpy as np

from cornerman.contract import Floats, ModelError
from cornerman.edge.hailo_session import Hailo, NoHefError
from cornerman.edge.onnx_session import onnx_session
from cornerman.policy.policy import Policy, QValues
from cornerman.policy.policy_slot import name_of

NUMPY = "numpy"
WORTH_IT_US = 100.0
"""From how many microseconds a decision on something else than numpy is tried: this is less than a hundredth of a frame
at 60 a second, and loading another backend costs memory and a longer start."""
MUCH_FASTER = 0.9
"""Share of numpy's time below which another backend is taken: less could be chance."""
CALLS, MEASURED_S = 200, 0.3
"""How often a backend is called to measure it, and when that ends, however slow it is."""
LOADING_S = 5.0
"""How long a game's start waits for the choice; numpy plays until it is made."""
KEPT = 8
"""Versions whose backends are kept: those that levels and a trial play in turn."""

COMPARED = 20
"""Decisions in which numpy still decides and a new backend's Q-values are compared with its own."""
FAR_APART = 0.5
"""Mean difference over the mean size of the Q-values from which a backend is not believed: other weights differ by
about 1, 8 bits by some hundredths."""

Build = Callable[[Policy], QValues]


def builders(folder: Path) -> dict[str, Build]:
    """What can build a backend, by name; HEF files lie in `folder`."""
    return {"onnxruntime": onnx_session, "hailo": Hailo(folder)}


@dataclass(slots=True)
class Choice:
    """Who is to compute the decisions, why, and what was built, measured and failed on the way."""

    name: str
    why: str
    microseconds: dict[str, float]
    built: dict[str, QValues]
    problems: dict[str, Exception]


def choose(wanted: str, policy: Policy, build: Mapping[str, Build], worth_it_us: float = WORTH_IT_US) -> Choice:
    """Measure the backends that `wanted` (the setting `playing_backend`) admits with a policy's weights, and choose."""
    numpy_us = microseconds(policy.q_values, policy)
    choice = Choice(NUMPY, f"{numpy_us:.0f} us a decision", {NUMPY: numpy_us}, {}, {})
    if wanted == NUMPY:
        return choice
    if wanted == "auto" and numpy_us < worth_it_us:
        choice.why += f"; under {worth_it_us:.0f} us nothing else is tried"
        return choice
    for name in build if wanted == "auto" else [wanted]:
        try:
            q_values = build[name](policy)
            choice.microseconds[name] = microseconds(q_values, policy)
            choice.built[name] = q_values
        except Exception as error:  # noqa: BLE001 - the boundary to vendors' libraries, which raise anything
            choice.problems[name] = error
    best = min(choice.built, key=lambda name: choice.microseconds[name], default=NUMPY)
    if wanted != "auto" or choice.microseconds[best] < MUCH_FASTER * numpy_us:
        choice.name = best
    choice.why = "a decision takes " + ", ".join(f"{us:.0f} us by {name}" for name, us in choice.microseconds.items())
    return choice


def microseconds(q_values: QValues, policy: Policy) -> float:
    """The median time of a call."""
    observation = np.random.default_rng(0).random(policy.spec.observation_size, np.float32)
    times, end = list[float](), perf_counter() + MEASURED_S
    while len(times) < CALLS and (begun := perf_counter()) < end:
        q_values(observation)
        times.append((perf_counter() - begun) * 1e6)
    return median(times)


class PlayingBackends:
    """Gives every decision of a running game its backend; on the game's thread, but for what it measures and builds."""

    def __init__(
        self,
        wanted: str,
        policy: Policy,
        build: Mapping[str, Build],
        say: Callable[[str], None],
        publish: Callable[..., None],
        watch: Callable[[Thread], None] = lambda thread: None,
    ) -> None:
        """Chooses, and waits a few seconds for that at most, as before a game's first frame.

        `publish` gets the figures `backend` (who computed the last decision) and `backend_why`. `watch` gets every
        thread that builds, to end the process where one hangs: a vendor's driver may.
        """
        self._say, self._publish, self._watch = say, publish, watch
        self._name, self._why, self._build = "another backend", "", cast(Build | None, None)
        self._building, self._closed = Lock(), False
        self._kept: dict[Policy, QValues | None] = {}  # None: not built yet, or it cannot be
        self._shown, self._said, self._dropped = NUMPY, False, list[object]()
        if wanted == NUMPY:
            self._choose(wanted, policy, build)
        elif (thread := self._begin(self._choose, wanted, policy, build)) is not None:
            thread.join(LOADING_S)

    def of(self, policy: Policy) -> QValues | None:
        """Who computes a policy's Q-values now; None: numpy. A missing backend is built for later decisions."""
        build = self._build
        if build is None:
            return None
        if policy not in self._kept:
            self._kept[policy] = None
            self._begin(self._prepare, policy, build)
        q_values = self._kept.get(policy)
        self._show(NUMPY if q_values is None else self._name)
        return q_values

    def close(self) -> None:
        """Play with numpy from now on; nothing more is built."""
        self._closed, self._build = True, None

    def _begin(self, work: Callable[..., None], *arguments: Any) -> Thread | None:
        """A thread that chooses or builds, once the one before it has; None where the system gives none.

        Not one of `concurrent.futures`, which Python waits for before any watchdog sees that the game has ended.
        """

        def run() -> None:
            with self._building:
                if not self._closed:
                    work(*arguments)

        thread = Thread(target=run, name="cornerman-backend")
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:  # what Python raises where the system gives no more threads
            (self._use_numpy if self._build is None else self._leave)(error)
            return None
        self._watch(thread)
        return thread

    def _show(self, name: str) -> None:
        if name != self._shown:
            self._shown = name
            self._publish(backend=name)

    def _choose(self, wanted: str, policy: Policy, build: Mapping[str, Build]) -> None:
        choice = choose(wanted, policy, build)
        if self._closed:
            return
        self._name, self._why = choice.name if wanted == "auto" else wanted, choice.why
        self._publish(backend=NUMPY, backend_why=choice.why)
        problem = choice.problems.get(wanted)
        if problem is not None:
            self._use_numpy(problem)
        elif self._name != NUMPY:
            self._keep(policy, choice.built[self._name])
        if problem is None or isinstance(problem, NoHefError):  # a later version may have one
            self._build = build.get(self._name)

    def _prepare(self, policy: Policy, build: Build) -> None:
        try:
            q_values = build(policy)
            q_values(np.zeros(policy.spec.observation_size, np.float32))  # a first call is slow
        except NoHefError as error:
            self._use_numpy(error)
            self._keep(policy, None)
        except Exception as error:  # noqa: BLE001 - the boundary to vendors' libraries, which raise anything
            self._leave(error)
        else:
            if self._build is build:
                self._keep(policy, q_values)
                self._publish(backend_why=self._why)

    def _keep(self, policy: Policy, q_values: QValues | None) -> None:
        self._kept[policy] = None if q_values is None else _Guarded(policy, q_values, self._leave)
        for oldest in list(self._kept)[:-KEPT]:
            self._kept.pop(oldest, None)

    def _leave(self, error: Exception) -> None:
        """Play with numpy from now on; on any thread."""
        if self._build is not None:
            self._build = None
            self._dropped += self._kept.values()  # HailoRT may hold up for seconds whoever drops one that hangs
            self._kept = {}
            self._said = False
            self._show(NUMPY)
            self._use_numpy(error)

    def _use_numpy(self, error: Exception) -> None:
        """Say why, once."""
        why = f"not by {self._name}: {str(error).rstrip('.') or repr(error)}"
        self._publish(backend_why=why)
        if not self._said:
            self._said = True
            self._say(f"Decisions are computed by numpy, {why}.")


class _Guarded:
    """Q-values of a policy by a backend, or by numpy where it fails, gives no numbers, or others than the policy's."""

    def __init__(self, policy: Policy, q_values: QValues, leave: Callable[[Exception], None]) -> None:
        self._policy, self._q_values, self._leave = policy, q_values, leave
        self._to_compare, self._apart, self._size = COMPARED, 0.0, 0.0

    def __call__(self, observation: Floats) -> Floats:
        try:
            values = self._q_values(observation)
            if values.shape != (self._policy.spec.num_actions,) or not np.isfinite(values).all():
                raise ModelError(f"it gave {values}")
            return self._compared(observation, values) if self._to_compare else values
        except Exception as error:  # noqa: BLE001 - the boundary to vendors' libraries, which raise anything
            self._leave(error)
            return self._policy.q_values(observation)

    def _compared(self, observation: Floats, values: Floats) -> Floats:
        """numpy's Q-values; ModelError after the last comparison where the backend's are others."""
        expected = self._policy.q_values(observation)
        self._apart += float(np.abs(values - expected).sum())
        self._size += float(np.abs(expected).sum())
        self._to_compare -= 1
        if not self._to_compare and self._apart > FAR_APART * self._size:
            raise ModelError(f"its Q-values are not those of {name_of(self._policy)}: compile its HEF file again")
        return expected
