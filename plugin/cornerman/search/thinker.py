"""Thinker: looks ahead in a worker's process for the decision that is due, on a thread of its own.

It goes on while the worker is paused: a closed training window is when decisions come up. The newest decision counts;
a search for an earlier one ends. After each round of tries the best action so far is sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue

import numpy as np

from cornerman.contract import CornermanError, RestorableGame
from cornerman.experience.encoder import Encoder, described
from cornerman.opponent.player_model import PlayerModel
from cornerman.opponent.predictor import STRANGER_TEMPERATURE, ChampionPredictor, Predictor
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from cornerman.search.look_ahead import LookAhead, effort_for
from cornerman.search.playouts import Playouts
from cornerman.search.restored import slow_restore
from cornerman.search.thought import PLAYER, Due, Knowledge, Thought, seen_as

MOST_EXPECTED = 6


class Thinker:
    """Owns the thread, which takes decisions and knowledge from a queue; the process ends it."""

    def __init__(
        self,
        game: RestorableGame,
        inbox: SimpleQueue[Due | Knowledge],
        send: Callable[[Thought], None],
        working: Callable[[bool], None] = lambda working: None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        """`send` is called with each answer, `working` before and after a search, `prepare` once, all on the thread."""
        self._game, self._encoder, self._inbox = game, Encoder(game), inbox
        self._send, self._working = send, working
        self._known: Knowledge | None = None
        self._search: tuple[Policy, LookAhead] | None = None
        self._slow: str | None = None  # None: not measured yet
        threading.Thread(target=self._run, args=(prepare,), name="cornerman-thinker", daemon=True).start()

    def _run(self, prepare: Callable[[], None]) -> None:
        prepare()
        due: Due | None = None
        while True:
            item = self._inbox.get()
            while True:  # the newest of all that waits
                if isinstance(item, Due):
                    due = item
                else:
                    self._known, self._search = item, None
                if self._inbox.empty():
                    break
                item = self._inbox.get()
            if due is not None and self._ended(due):
                due = None

    def _ended(self, due: Due) -> bool:
        """Think about a decision; False where another one is due before the end, or more is known."""
        self._working(True)
        try:
            self._think(due)
        except _OutdatedError:
            return False
        except CornermanError as error:
            self._send(Thought(due.number, 0, -1, True, str(error)))
        except Exception as error:  # noqa: BLE001 - a state is the game's own: reading it may raise anything
            self._send(Thought(due.number, 0, -1, True, f"a state could not be read: {described(error)}"))
        finally:
            self._working(False)
        return True

    def _searching(self) -> tuple[Policy, LookAhead] | None:
        """The champion and the search by what is known; None where nothing is."""
        if self._search is None and self._known is not None:
            arrays, notes = self._known
            spec = NetworkSpec(self._encoder.observation_size, self._encoder.num_actions, tuple(notes["hidden"]))
            champion = Policy(spec, arrays["champion"])
            of_player = {name[len(PLAYER) :]: array for name, array in arrays.items() if name.startswith(PLAYER)}
            player: Predictor = ChampionPredictor(champion, STRANGER_TEMPERATURE)
            if of_player:
                player = PlayerModel.from_arrays(of_player, champion)
            standing_weight, outcome_weight = notes["weights"]
            playouts = Playouts(
                self._game, self._encoder, champion, player, (standing_weight, outcome_weight), self._stop_if_outdated
            )
            self._search = champion, LookAhead(playouts, effort_for(self._game))
        return self._search

    def _stop_if_outdated(self) -> None:
        if not self._inbox.empty():
            raise _OutdatedError

    def _think(self, due: Due) -> None:
        searching = self._searching()
        if searching is None:
            return
        champion, search = searching
        if self._slow is None:
            self._slow = slow_restore(self._game, due.state, due.seat)
            if self._slow:  # said before the first round, which may take too long
                self._send(Thought(due.number, 0, -1, False, slow=self._slow))
        observation, mask = self._encoder.encode(due.state, due.seat), self._encoder.mask(due.action_mask)
        seen = seen_as(observation, mask)
        action = int(np.where(mask, champion.q_values(observation), -np.inf).argmax())
        best = Thought(due.number, seen, action, True, slow=self._slow)
        for found in search.improve([due.state], [due.seat], mask[None], due.seed):
            best = replace(
                best,
                action=int(found.best[0]),
                gains=found.gains(0),
                samples=found.samples(0),
                expects=found.expects(0, MOST_EXPECTED),
            )
            self._send(replace(best, ended=False))
        self._send(best)


class _OutdatedError(Exception):
    """Another decision is due by now, or more is known."""
