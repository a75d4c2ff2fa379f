"""A worker: collects self-play, judges candidates and measures bots, as it is ordered to.

What it collects depends on its orders alone, and its state can be stored: another worker goes on with the same battles.
Orders and answers are named arrays and plain data. numpy only, but where an order says that it acts on a device.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BatchedGame, ContractError, HeadlessGame
from cornerman.evaluation.arena import evaluate, pair_seed
from cornerman.evaluation.gate import Gate, GateSettings
from cornerman.evaluation.verdict import Bar
from cornerman.experience.encoder import Encoder
from cornerman.experience.transitions import n_step_columns
from cornerman.files.tensor_file import pack, unpack
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.batched import BatchedAgent, SelfPlay
from cornerman.selfplay.orders import ITSELF, PRESENT, Arrays
from cornerman.selfplay.scalar import ScalarBattles, one_by_one


@dataclass(frozen=True, slots=True)
class Sizes:
    """Battles at once, of a batched engine, of a scalar one and of the scalar one beside a batched one; turns in one
    stretch of collecting; and battles of a candidate against each bot, one after the other and many at once."""

    batched: int = 1024
    scalar: int = 64
    beside: int = 8
    turns: int = 32
    checks: int = 400
    batched_checks: int = 4096


BULK, LIVE = Sizes(), Sizes(1024, 16, 4, 8, 100, 2048)
"""Bulk training, and beside a running game: short stretches, so that an answer costs the game's process no time."""


class Worker:
    """Carries out orders for one game; one thread."""

    def __init__(
        self,
        game: HeadlessGame,
        hidden: tuple[int, ...],
        seed: int,
        number: int,
        sizes: Sizes = BULK,
        before_turn: Callable[[], None] = lambda: None,
    ) -> None:
        """`before_turn` is called before every turn of a battle or a batch, and may wait."""
        self._game, self._encoder, self._before_turn = game, Encoder(game), before_turn
        self._sizes, shape = sizes, (self._encoder.observation_size, self._encoder.num_actions)
        self._spec = NetworkSpec(*shape, hidden)
        self._policies: dict[str, Policy] = {}  # of the order under way
        random = self._random = np.random.default_rng([seed, number])
        first = int(random.integers(2**62))
        batched = game.batched_bots if isinstance(game, BatchedGame) else {}
        scalar = {name: one_by_one(bot) for name, bot in game.bots.items() if name not in batched}
        battles = (
            game.new_battles(sizes.batched, first)
            if isinstance(game, BatchedGame)
            else ScalarBattles(game, self._encoder, sizes.scalar, first)
        )
        self._plays = {"main": SelfPlay(battles, *shape, random, sizes.turns, self._encoder.declaration)}
        self._bots: dict[str, Mapping[str, Any]] = {"main": batched if isinstance(game, BatchedGame) else scalar}
        if isinstance(game, BatchedGame) and scalar:
            beside = ScalarBattles(game, self._encoder, sizes.beside, first + 1)
            self._plays["beside"], self._bots["beside"] = (
                SelfPlay(beside, *shape, random, sizes.turns, self._encoder.declaration),
                scalar,
            )
        self._reported: Counter[str] = Counter()  # faulty battles in earlier answers, by reason
        self._gate: tuple[int, Gate] | None = None  # of a judgement made in several answers, with its seed
        self._before: tuple[dict[str, NDArray[Any]], str] | None = None  # the state before the last order to collect

    def obey(self, arrays: Arrays, order: Mapping[str, Any]) -> tuple[Arrays, dict[str, Any]]:
        """The answer to one order."""
        if order["kind"] == "in turn":
            return self._in_turn(arrays, order["orders"], order["longer"])
        if order["kind"] == "judge":
            return {}, self._judge(arrays, order)
        if order["kind"] == "measure":
            return {}, self._measure(order)
        if order["kind"] == "state":
            return self._state(), {}
        if order["kind"] == "restore":
            return {}, {"problem": self._restore(arrays["state"])}
        self._before = self._snapshot()
        return self._collect(arrays, order)

    def _in_turn(
        self, arrays: Arrays, orders: Sequence[Mapping[str, Any]], longer: float
    ) -> tuple[Arrays, dict[str, Any]]:
        columns: dict[str, NDArray[Any]] = {}
        notes: dict[str, Any] = {}
        begun = time.thread_time()
        for at, order in enumerate(orders):
            if at and longer:
                order = {**order, "turns": None, "seconds": (time.thread_time() - begun) * longer}
            own = {name.removeprefix(f"{at}."): array for name, array in arrays.items() if name.startswith(f"{at}.")}
            found, more = self.obey(own, order)
            columns |= found
            notes |= more
        return columns, notes

    # --------------------------------------------------------------------------------------------- stop and go on

    def _snapshot(self) -> tuple[dict[str, NDArray[Any]], str] | None:
        """Every battle under way and the generator; None where the game's battles cannot be stored."""
        arrays: dict[str, NDArray[Any]] = {}
        for part, play in self._plays.items():
            snapshot = play.snapshot()
            if snapshot is None:
                return None
            arrays |= {f"{part}.{name}": array for name, array in snapshot.items()}
        return arrays, json.dumps(self._random.bit_generator.state)

    def _state(self) -> dict[str, NDArray[Any]]:
        """As bytes, the state before the last order to collect: with that order again, the same answer comes again."""
        if self._before is None:
            return {}
        arrays, generator = self._before
        return {"state": np.frombuffer(pack(arrays, {"random": generator}, "A worker's state"), np.uint8)}

    def _restore(self, state: NDArray[Any]) -> str:
        """Go on from what `_state` gave; why not, as a sentence, where this game or version has other battles."""
        arrays, texts = unpack(state.tobytes(), "A worker's state")
        try:
            for part, play in self._plays.items():
                play.restore({name[len(part) + 1 :]: a for name, a in arrays.items() if name.startswith(f"{part}.")})
            self._random.bit_generator.state = json.loads(texts["random"])
        except (ValueError, KeyError, ContractError) as error:
            return str(error)
        return ""

    # ------------------------------------------------------------------------------------------------- collecting

    def _collect(self, arrays: Arrays, order: Mapping[str, Any]) -> tuple[Arrays, dict[str, Any]]:
        versions = order["versions"]
        self._policies = {name: Policy(self._spec, flat, int(versions[name])) for name, flat in arrays.items()}
        parts: list[dict[str, NDArray[Any]]] = []
        notes: dict[str, Any] = {"decisions": 0, "battles": 0, "tallies": []}
        for part, mix in (("main", order["mix"]), ("beside", order["mix_beside"])):
            if part not in self._plays:
                continue
            play = self._plays[part]
            play.health_weight, play.outcome_weight = order["health_weight"], order["outcome_weight"]
            play.gamma = float(order["gamma"])
            self._seat(play, self._bots[part], mix, float(order["epsilon"]))
            collected = play.collect(self._before_turn)
            parts.append(n_step_columns(collected.columns, int(order["n_step"]), float(order["gamma"])))
            notes["decisions"] += collected.decisions
            notes["battles"] += collected.battles
            for (first, second), tally in collected.tallies.items():
                notes["tallies"].append([first, second, *astuple(tally)])
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        own = columns["version"] == int(versions.get(PRESENT, -1))
        notes["actions"] = np.bincount(columns["action"][own], minlength=self._spec.num_actions).tolist()
        return columns, notes | self._dropped()

    def _dropped(self) -> dict[str, Any]:
        """Faulty battles since the last answer: how many by reason, and an example of each."""
        faults = [play.battles.faults for play in self._plays.values() if isinstance(play.battles, ScalarBattles)]
        counts = sum((fault.counts for fault in faults), Counter[str]())
        new, self._reported = counts - self._reported, counts
        examples = {reason: text for fault in faults for reason, text in fault.examples.items() if reason in new}
        return {"dropped": dict(new), "examples": examples} if new else {}

    def _seat(self, play: SelfPlay, bots: Mapping[str, Any], mix: Mapping[str, float], epsilon: float) -> None:
        """The present policy as one of its teams in every row, in turn; in the other seats, opponents by share.

        Where the plugin may not sit, the row's opponent if it is a bot, else the bots in turn; as in evaluation, the
        opponent whatever it is where there are no bots.
        """
        names = [name for name in mix if name == ITSELF or name in self._policies or name in bots]
        agents = [BatchedAgent(PRESENT, self._policies[PRESENT], epsilon)]
        for name in names:
            if name in self._policies:
                agents.append(BatchedAgent(name, self._policies[name], epsilon))
            elif name != ITSELF:
                agents.append(BatchedAgent(name, bots[name]))
        declared = self._encoder.declaration
        elsewhere = [seat for seat in range(declared.num_seats) if seat not in declared.plugin_seats]
        agents += [BatchedAgent(name, bots[name]) for name in bots if elsewhere and name not in names]
        slots = {agent.name: at for at, agent in enumerate(agents)} | {ITSELF: 0}
        count = play.battles.num_battles
        edges = np.cumsum([mix[name] for name in names])
        row = np.arange(count)
        opposite = np.array([slots[name] for name in names])[
            np.minimum(np.searchsorted(edges / edges[-1], (row + 0.5) / count), len(names) - 1)
        ]
        seats = np.tile(opposite, (declared.num_seats, 1))
        if elsewhere and bots:
            scripted = np.array([slots[name] for name in bots])
            in_turn = scripted[row // len(declared.teams) % len(scripted)]
            seats[elsewhere] = np.where(np.isin(opposite, scripted), opposite, in_turn)
        for at, team in enumerate(declared.teams):
            seats[np.array(team)[:, None], row[row % len(declared.teams) == at]] = 0
        play.seat(agents, seats)

    # ------------------------------------------------------------------------------------------ judging, measuring

    def _judge(self, arrays: Arrays, order: Mapping[str, Any]) -> dict[str, Any]:
        """The gate's verdict; None in its place after `turns` turns or `seconds` of processor time without one: the
        same order goes on with it."""
        seed, turns = int(order["seed"]), order["turns"]
        end = time.thread_time() + order.get("seconds", np.inf)
        if self._gate is None or self._gate[0] != seed:
            hidden = {name: tuple(sizes) for name, sizes in order["hidden"].items()}  # an imported champion has its own
            players = {name: Policy(replace(self._spec, hidden=hidden[name]), flat) for name, flat in arrays.items()}
            pairs, sizes = (int(order["min_pairs"]), int(order["max_pairs"])), self._sizes
            bounds = GateSettings(*pairs, sizes.checks, sizes.batched_checks, Bar.of(order["bar"]))
            bots = dict(self._game.bots)
            champion, oldest = players.get("champion") or bots[order["champion"]], players.get("oldest")
            gate = Gate(players["candidate"], champion, self._game, self._encoder, seed, bounds, bots, oldest)
            self._gate = seed, gate
        gate, taken = self._gate[1], 0
        while gate.verdict is None and (turns is None or taken < turns) and (not taken or time.thread_time() < end):
            self._before_turn()
            gate.advance(1)
            taken += 1
        verdict = None
        if gate.verdict is not None:
            verdict, self._gate = gate.verdict.as_dict(), None
        return {"verdict": verdict, "pairs": gate.pairs, "judged": seed}

    def _measure(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """How the bots do against one another: first, second, score of the first, battles."""
        bots, results = self._game.bots, []
        for number, (first, second) in enumerate(combinations(bots, 2)):
            seed = pair_seed(int(order["seed"]), number, "anchors")
            result = evaluate(bots[first], bots[second], self._game, int(order["battles"]), seed)
            results.append([first, second, result.score * len(result.ended), len(result.ended)])
        return {"met": results}
