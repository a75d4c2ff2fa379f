"""Candidates of bulk training (training/candidates.py), judged by a worker of their own.

A verdict is used when the next candidate is due, which is counted in learning steps, and never when it happens to
arrive. So how fast the judge is does not decide from when on a new champion is met; a late verdict is waited for. Not
where an accelerator learns: it may learn many times what it has to until the next candidate while one is judged, and no
two runs are alike there in any case.
Owned by the process that learns.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from cornerman.contract import Floats
from cornerman.evaluation.arena import pair_seed
from cornerman.models.champions import Champions
from cornerman.models.manifest import Provenance
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.league import League
from cornerman.selfplay.pool import WorkerPool
from cornerman.selfplay.round_robin import WAIT_S
from cornerman.settings import Settings
from cornerman.training.bulk.log import BulkLog
from cornerman.training.candidates import BattleJudge, Candidates
from cornerman.training.metrics import Metrics

BOT_BATTLES = 20
"""Battles of every two bots: few, since the strongest may take seconds for one."""


class BulkPromotion:
    """Orders the judge's work, waits for its answers, and enters what it promotes into the league."""

    def __init__(
        self,
        champions: Champions,
        league: League,
        own_fighter: str,
        spec: NetworkSpec,
        settings: Settings,
        log: BulkLog,
    ) -> None:
        """`own_fighter`: the bot that the first version must beat; "": the untrained version."""
        self._own_fighter = own_fighter
        self._champions, self._league, self._spec, self._settings, self._log = champions, league, spec, settings, log
        # An imported champion may have other hidden layers than the one that learning begins with.
        champions.slot.restart(*(policy for policy in champions.slot.champions if policy.spec == spec))
        keep_all = replace(settings, kept_versions=sys.maxsize)
        self.candidates = Candidates(champions, self._new_judge, keep_all, Metrics(), self._tell)
        self.promoted, self.reason = 0, ""  # of the last verdict
        self.waited_s = 0.0
        """How long learning has waited for the judge."""
        self._rows = 0  # collected when the last candidate was made
        self._measured = False  # whether the ratings of the bots are known
        self._enter()

    def _new_judge(self, candidate: Policy, number: int) -> BattleJudge:
        """A judgement depends on its order alone, so one that was cut off comes out the same from its beginning."""
        seed = pair_seed(self._settings.seed, number, "gate")
        slot, bar = self._champions.slot, self._champions.bar()
        opponents = slot.players or self._own_fighter or slot.champions
        return BattleJudge(candidate, opponents, self._settings, seed, bar, turns=None)

    def _tell(self, message: str) -> None:
        self._log.say(f"  {message}")

    def _enter(self) -> None:
        self._league.enter([f"version {policy.version}" for policy in self._champions.slot.players])

    def start(self, pool: WorkerPool, judge: int) -> None:
        """Order the judge what is due: what was under way when this was stored, or to measure the bots."""
        self._pool, self._judge = pool, judge
        if not self.candidates.judging and not self._measured and len(self._league.bots) > 1:
            pool.order(judge, {}, {"kind": "measure", "seed": self._settings.seed, "battles": BOT_BATTLES})
        else:
            self._measured = True
            self._order()

    def _order(self) -> None:
        if order := self.candidates.order():
            self._pool.order(self._judge, *order)

    def put(self, flat: Floats, steps: int, rows: int, stopped: Callable[[], bool]) -> bool:
        """Use the last verdict, and put what was learned until now to the gate; False where stopped before."""
        if not self.settle(stopped):
            return False
        self._rows = rows
        self._begin(flat, steps)
        self._order()
        return True

    def _begin(self, flat: Floats, steps: int) -> None:
        parent, rows = self._champions.slot.champion.version, {"self-play": self._rows}
        self.candidates.begin(Policy(self._spec, flat), Provenance(parent, steps, rows))

    def settle(self, stopped: Callable[[], bool]) -> bool:
        """Wait for the judge's answer and use it; False where stopped before."""
        started = time.monotonic()
        while not self.idle(WAIT_S):
            if stopped():
                return False
        self.waited_s += time.monotonic() - started
        return True

    def idle(self, wait_s: float = 0.0) -> bool:
        """Use the judge's answer, if it comes within so many seconds; whether nothing is being judged then."""
        candidates = self.candidates
        waited_for = candidates.judging or not self._measured
        answer = self._pool.answer(self._judge, wait_s) if waited_for else None
        if answer is None:
            return not waited_for
        if not self._measured:
            self._measured = True
            self._league.take_measured(answer[1]["met"])
            return not candidates.judging
        self.reason = answer[1]["verdict"]["reason"]
        self._log.write({"event": "verdict", "candidate": candidates.number, "reason": self.reason})
        candidates.take(answer[1])
        if candidates.advance():
            self.promoted += 1
            self._enter()
        return not candidates.judging

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The champions, and the candidate with what decides its verdict."""
        champions, candidates = self._champions.slot.champions, self.candidates
        arrays: dict[str, NDArray[Any]] = {f"champion.{policy.version}": policy.flat for policy in champions}
        if candidates.candidate is not None:
            arrays["candidate"] = candidates.candidate.flat
        counts = {"candidates": candidates.number, "promoted": self.promoted, "steps": candidates.steps}
        counts |= {"rows": self._rows, "measured": self._measured}
        record = self._champions.gate_record.state()
        line = [policy.version for policy in champions]
        return arrays, {"counts": counts, "line": line, "time": time.time(), "record": record}

    def restore(self, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> None:
        """Go on from `state`: with its champions, whoever was promoted since. ModelError where one is gone."""
        line = [Policy(self._spec, arrays[f"champion.{version}"], version) for version in notes["line"]]
        self._champions.go_back_to(line, notes["time"])
        self._champions.gate_record.restore(notes["record"])
        counts, begun = notes["counts"], "candidate" in arrays
        self.promoted, self._rows, self._measured = counts["promoted"], counts["rows"], counts["measured"]
        self.candidates.restart(counts["candidates"] - begun, counts["steps"])
        if begun:
            self._begin(arrays["candidate"], counts["steps"])
        self._enter()
