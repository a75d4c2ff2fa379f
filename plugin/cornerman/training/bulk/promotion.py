"""The candidates of bulk training: put to the gate one after the other, in a worker of their own, and promoted.

A verdict is used when the next candidate is due, which is counted in learning steps, and never when it happens to
arrive. So how fast the judge is does not decide from when on a new champion is met; a late verdict is waited for.
Owned by the process that learns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Floats, ModelError
from cornerman.evaluation.arena import pair_seed
from cornerman.evaluation.verdict import verdict_of
from cornerman.models.champions import Champions
from cornerman.models.manifest import Provenance
from cornerman.models.store import Store
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.league import League
from cornerman.selfplay.orders import judging
from cornerman.selfplay.pool import WorkerPool
from cornerman.selfplay.round_robin import WAIT_S
from cornerman.settings import Settings
from cornerman.training.bulk.log import BulkLog

BOT_BATTLES = 20
"""Battles of every two bots: few, since the strongest may take seconds for one."""
_NEWEST_GATES = 10_000


@dataclass(slots=True)
class Counts:
    """How far it is, for a checkpoint."""

    candidates: int = 0
    promoted: int = 0
    steps: int = 0  # learning steps when the last candidate was taken
    rows: int = 0  # rows collected by then
    measured: bool = False  # whether the ratings of the bots are known


class BulkPromotion:
    """One candidate at a time before the gate."""

    def __init__(
        self,
        store: Store,
        champions: Champions,
        league: League,
        spec: NetworkSpec,
        settings: Settings,
        log: BulkLog,
    ) -> None:
        self._store, self._champions, self._league = store, champions, league
        self._spec, self._settings, self._log = spec, settings, log
        self.counts = Counts()
        self.waited_s = 0.0
        """How long learning has waited for the judge."""
        self._candidate: Policy | None = None
        self._repeated: set[int] = set()  # seeds of the gates that the history knows from before a kill
        self._newest = max(champions.registry.numbers(), default=0)  # versions beyond were stored after the checkpoint
        self._enter()

    def start(self, pool: WorkerPool, judge: int) -> None:
        """Order the judge what is due: what was under way when this was stored, or to measure the bots."""
        self._pool, self._judge = pool, judge
        if self._candidate is not None:
            self._order(self._candidate)
        elif not self.counts.measured and len(self._league.bots) > 1:
            pool.order(judge, {}, {"kind": "measure", "seed": self._settings.seed, "battles": BOT_BATTLES})
        else:
            self.counts.measured = True

    def champions(self) -> list[Policy]:
        """Those of the kept champions that have this network's shape; the one that plays is the last."""
        return [policy for policy in self._champions.slot.champions if policy.spec == self._spec]

    def put(self, flat: Floats, steps: int, rows: int, stopped: Callable[[], bool]) -> bool:
        """Use the last verdict, and put what was learned until now to the gate; False where stopped before."""
        if not self.settle(stopped):
            return False
        counts = self.counts
        counts.candidates, counts.steps, counts.rows = counts.candidates + 1, steps, rows
        self._candidate = Policy(self._spec, flat)
        self._order(self._candidate)
        return True

    def settle(self, stopped: Callable[[], bool]) -> bool:
        """Wait for the judge's answer and use it; False where stopped before."""
        started = time.monotonic()
        while self._candidate is not None or not self.counts.measured:
            answer = self._pool.answer(self._judge, WAIT_S)
            if answer is None:
                if stopped():
                    return False
            elif self._candidate is None:
                self.counts.measured = True
                self._league.take_measured(answer[1]["met"])
            else:
                candidate, self._candidate = self._candidate, None
                self._decide(candidate, answer[1]["verdict"])
        self.waited_s += time.monotonic() - started
        return True

    def close(self) -> None:
        """Close the history."""
        self._store.close_history()

    # ------------------------------------------------------------------------------------------------- a judgement

    def _order(self, candidate: Policy) -> None:
        """A judgement depends on its order alone, so one that was cut off comes out the same from its beginning."""
        seed = pair_seed(self._settings.seed, self.counts.candidates, "gate")
        self._pool.order(self._judge, *judging(candidate, self.champions(), self._settings, seed, None))

    def _decide(self, candidate: Policy, data: Mapping[str, Any]) -> None:
        self._log.write({"event": "verdict", "candidate": self.counts.candidates, "reason": data["reason"]})
        champions = self.champions()
        champion, oldest = champions[-1].version, champions[0].version
        version = None
        if data["promote"]:
            try:
                version = self._promote(candidate, data).version
            except ModelError as error:  # a full disk must not end the night: a later candidate is tried again
                self._log.say(f"A better version was found, but could not be kept. {error}")
                return
            self._enter()
            self.counts.promoted += 1
            self._log.say(f"  Version {version} passed the gate and now plays. {data['reason']}")
        if int(data["seed"]) not in self._repeated:
            self._champions.note(verdict_of(data), champion, oldest, version)

    def _promote(self, candidate: Policy, verdict: Mapping[str, Any]) -> Policy:
        """Let the candidate play: as a new version, or as the one that it became before a kill, if it did."""
        champions = self._champions
        for version in champions.registry.numbers():
            if version > self._newest and self._is(version, candidate):
                policy = champions.promote_again(version)
                break
        else:
            rows = {"self-play": self.counts.rows}
            provenance = Provenance(champions.slot.champion.version, self.counts.steps, rows, verdict)
            policy = champions.promote(candidate, provenance)
        self._newest = policy.version
        return policy

    def _is(self, version: int, candidate: Policy) -> bool:
        try:
            return bool(np.array_equal(self._champions.registry.load(version).flat, candidate.flat))
        except ModelError:  # a damaged one cannot be gone on with
            return False

    def _enter(self) -> None:
        self._league.enter([f"version {policy.version}" for policy in self.champions()])

    # -------------------------------------------------------------------------------------------------- stop and go on

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The champions, and the candidate with what decides its verdict."""
        champions = self.champions()
        arrays: dict[str, NDArray[Any]] = {f"champion.{policy.version}": policy.flat for policy in champions}
        if self._candidate is not None:
            arrays["candidate"] = self._candidate.flat
        line = [policy.version for policy in champions]
        return arrays, {"counts": asdict(self.counts), "line": line, "time": time.time()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> None:
        """Go on from `state`: with its champions, whoever was promoted since. ModelError where one is gone."""
        stored = set(self._champions.registry.numbers())
        for version in notes["line"]:
            if version not in stored:
                raise ModelError(f"version {version}, which it goes on from, is no longer stored.")
        line = [Policy(self._spec, arrays[f"champion.{version}"], version) for version in notes["line"]]
        self._champions.go_back_to(line)
        self.counts = Counts(**notes["counts"])
        self._candidate = Policy(self._spec, arrays["candidate"]) if "candidate" in arrays else None
        self._newest = notes["line"][-1]
        self._repeated = self._known_since(notes["time"])
        self._enter()

    def _known_since(self, moment: float) -> set[int]:
        """Seeds of the gates that the history noted since; it is a record, so one that fails is only said."""
        try:
            return {int(gate["seed"]) for gate in self._store.history().gates(_NEWEST_GATES) if gate["time"] > moment}
        except ModelError as error:
            self._log.say(str(error))
            return set()
