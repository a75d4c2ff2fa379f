"""What a process of bulk training does: it collects self-play, or judges a candidate, as it is ordered to.

What it collects depends on its orders alone, and it can be stored: another process goes on with the same rows.

Orders and answers are named arrays and plain data as bytes (array_file), so nothing is unpickled. It ends when the
pipe does. numpy only, but where it is told to act on a device: it starts quickly and stays small.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from itertools import combinations
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import BatchedGame, HeadlessGame
from cornerman.evaluation.arena import evaluate, pair_seed
from cornerman.evaluation.gate import Gate, GateSettings
from cornerman.experience.encoder import Encoder
from cornerman.experience.n_step import n_step_columns
from cornerman.files.tensor_file import pack, unpack
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.selfplay.batched import Player, SelfPlay
from cornerman.selfplay.games import find_game
from cornerman.selfplay.league import ITSELF
from cornerman.selfplay.scalar import ScalarBattles, one_by_one

BATCHED, SCALAR, BESIDE = 1024, 64, 16
"""Battles at once: of a batched engine, of a scalar one, and of the scalar one beside a batched one."""
TURNS = 32
PRESENT = "present"

Arrays = Mapping[str, NDArray[Any]]


def send(pipe: Connection, arrays: Arrays, notes: Mapping[str, Any]) -> None:
    """Send named arrays and plain data; OSError where nobody is there any more."""
    pipe.send_bytes(pack(arrays, {"notes": json.dumps(notes)}, "A message"))


def receive(pipe: Connection) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Wait for named arrays and plain data; EOFError or OSError where nobody is there any more."""
    arrays, texts = unpack(pipe.recv_bytes(), "A message")
    notes: dict[str, Any] = json.loads(texts["notes"])
    return arrays, notes


def work(pipe: Connection, game_name: str, hidden: tuple[int, ...], seed: int, number: int) -> None:
    """Obey orders until the pipe ends; an error is told and ends the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent ends us in order
    try:
        worker = Worker(find_game(game_name), hidden, seed, number)
        while True:
            arrays, order = receive(pipe)
            send(pipe, *worker.obey(arrays, order))
    except (EOFError, OSError):
        return
    except Exception as error:
        try:
            send(pipe, {}, {"error": f"{type(error).__name__}: {error}"})
        except OSError:
            return
        raise


class Worker:
    """Collects and judges for one game."""

    def __init__(
        self,
        game: HeadlessGame,
        hidden: tuple[int, ...],
        seed: int,
        number: int,
        before_turn: Callable[[], None] = lambda: None,
    ) -> None:
        """`before_turn` is called before every turn of a battle or a batch, and may wait."""
        self._game, self._encoder, self._before_turn = game, Encoder(game), before_turn
        sizes = self._encoder.observation_size, self._encoder.num_actions
        self._spec = NetworkSpec(*sizes, hidden)
        self._policies: dict[str, Policy] = {}
        self._actor: Any = None  # of the present policy, where an order says that it acts on a device
        random = self._random = np.random.default_rng([seed, number])
        first = int(random.integers(2**62))
        self._batched = dict(game.batched_bots) if isinstance(game, BatchedGame) else {}
        self._scalar = {name: one_by_one(bot) for name, bot in game.bots.items() if name not in self._batched}
        if isinstance(game, BatchedGame):
            self._main = SelfPlay(game.new_battles(BATCHED, first), *sizes, random, TURNS)
        else:
            self._main = SelfPlay(ScalarBattles(game, self._encoder, SCALAR, first), *sizes, random, TURNS)
        self._beside: SelfPlay | None = None
        if isinstance(game, BatchedGame) and self._scalar:
            battles = ScalarBattles(game, self._encoder, BESIDE, first + 1)
            self._beside = SelfPlay(battles, *sizes, random, TURNS)
        self._before: tuple[dict[str, NDArray[Any]], str] | None = None  # as it was when it last began to collect

    def obey(self, arrays: Arrays, order: Mapping[str, Any]) -> tuple[Arrays, dict[str, Any]]:
        """The answer to one order."""
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

    def _plays(self) -> dict[str, SelfPlay]:
        return {"main": self._main} | ({} if self._beside is None else {"beside": self._beside})

    def _snapshot(self) -> tuple[dict[str, NDArray[Any]], str] | None:
        """Every battle under way and the generator; None where the game's battles cannot be stored."""
        arrays: dict[str, NDArray[Any]] = {}
        for part, play in self._plays().items():
            snapshot = play.snapshot()
            if snapshot is None:
                return None
            arrays |= {f"{part}.{name}": array for name, array in snapshot.items()}
        return arrays, json.dumps(self._random.bit_generator.state)

    def _state(self) -> dict[str, NDArray[Any]]:
        """As bytes, what the last order to collect began from: with that order again, everything comes again."""
        if self._before is None:
            return {}
        arrays, generator = self._before
        return {"state": np.frombuffer(pack(arrays, {"random": generator}, "A worker's state"), np.uint8)}

    def _restore(self, state: NDArray[Any]) -> str:
        """Go on from what `_state` gave; why not, as a sentence, where this game or version has other battles."""
        arrays, texts = unpack(state.tobytes(), "A worker's state")
        try:
            for part, play in self._plays().items():
                play.restore({name[len(part) + 1 :]: a for name, a in arrays.items() if name.startswith(f"{part}.")})
            self._random.bit_generator.state = json.loads(texts["random"])
        except (ValueError, KeyError) as error:
            return str(error)
        return ""

    def _collect(self, arrays: Arrays, order: Mapping[str, Any]) -> tuple[Arrays, dict[str, Any]]:
        for name, flat in arrays.items():
            self._policies[name] = Policy(self._spec, flat, int(order["versions"][name]))
        if order.get("acting"):
            self._act_on(str(order["acting"]))
        plays = [(self._main, order["mix"])]
        if self._beside is not None:
            plays.append((self._beside, order["mix_beside"]))
        parts: list[dict[str, NDArray[Any]]] = []
        notes: dict[str, Any] = {"decisions": 0, "battles": 0, "tallies": []}
        for play, mix in plays:
            self._seat(play, mix, float(order["epsilon"]))
            collected = play.collect(self._before_turn)
            parts.append(n_step_columns(collected.columns, int(order["n_step"]), float(order["gamma"])))
            notes["decisions"] += collected.decisions
            notes["battles"] += collected.battles
            for (first, second), tally in collected.tallies.items():
                notes["tallies"].append([first, second, tally.wins, tally.draws, tally.losses])
        if self._actor is not None and self._actor.fault:
            notes["fault"] = self._actor.fault
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        own = columns["version"] == int(order["versions"].get(PRESENT, -1))
        notes["actions"] = np.bincount(columns["action"][own], minlength=self._spec.num_actions).tolist()
        return columns, notes

    def _act_on(self, device: str) -> None:
        """Let the present policy act on a device; past champions meet too few rows a turn for one to pay."""
        if self._actor is None:
            from cornerman.learning.accelerator.device_actor import (
                DeviceActor,
            )  # here and not above: a worker without a device needs no torch

            self._actor = DeviceActor(self._spec, device)
        self._actor.take(self._policies[PRESENT])

    def _seat(self, play: SelfPlay, mix: Mapping[str, float], epsilon: float) -> None:
        """The present policy in one seat of every row, in turn; opposite, opponents by their shares."""
        names = [name for name in mix if name == ITSELF or name in self._policies or name in self._bots(play)]
        players = [Player(PRESENT, self._actor or self._policies[PRESENT], epsilon)]
        for name in names:
            if name != ITSELF:
                plays = self._policies.get(name) or self._bots(play)[name]
                players.append(Player(name, plays, epsilon if name in self._policies else 0.0))
        slots = {player.name: at for at, player in enumerate(players)} | {ITSELF: 0}
        count = play.battles.num_battles
        edges = np.cumsum([mix[name] for name in names])
        row = np.arange(count)
        opposite = np.array([slots[name] for name in names])[
            np.minimum(np.searchsorted(edges / edges[-1], (row + 0.5) / count), len(names) - 1)
        ]
        seats = np.zeros((2, count), np.int64)
        seats[1 - row % 2, row] = opposite
        play.seat(players, seats)

    def _bots(self, play: SelfPlay) -> Mapping[str, Any]:
        if play is self._main and isinstance(self._game, BatchedGame):
            return self._batched
        return self._scalar

    def _judge(self, arrays: Arrays, order: Mapping[str, Any]) -> dict[str, Any]:
        """The gate's verdict, by the gate of the game."""
        players = {name: Policy(self._spec, flat) for name, flat in arrays.items()}
        candidate, champion, oldest = players["candidate"], players["champion"], players.get("oldest")
        settings = GateSettings(int(order["min_pairs"]), int(order["max_pairs"]))
        gate = Gate(candidate, champion, self._game, self._encoder, int(order["seed"]), settings, oldest=oldest)
        while gate.verdict is None:
            self._before_turn()
            gate.advance(1)
        return {"verdict": gate.verdict.as_dict(), "candidate": order["candidate"]}

    def _measure(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """How the scripted fighters do against one another: first, second, score of the first, battles."""
        bots, results = self._game.bots, []
        for number, (first, second) in enumerate(combinations(bots, 2)):
            seed = pair_seed(int(order["seed"]), number, "anchors")
            result = evaluate(bots[first], bots[second], self._game, int(order["battles"]), seed)
            results.append([first, second, result.score * result.num_battles, result.num_battles])
        return {"met": results}
