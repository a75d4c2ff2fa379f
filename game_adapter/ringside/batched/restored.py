"""Many battles at once that go on from states, as restore.py does it for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from game_adapter.ringside.batched.arrays import CHARGED, EXPOSED, ON_GUARD, ONE_MEND
from game_adapter.ringside.batched.battle import VectorBattle
from game_adapter.ringside.batched.lineups import Lineups, Teams, given_lineups
from game_adapter.ringside.restore import teams_of

State = Mapping[str, Any]


@lru_cache(maxsize=8)
def _tables(teams: tuple[Teams, ...]) -> Lineups:
    return given_lineups(teams)


def restored_battles(states: Sequence[State], rows: NDArray[Any], seeds: NDArray[Any]) -> VectorBattle:
    """N battles of one shape: row r goes on from `states[rows[r]]`, and `seeds[r]` decides its chances."""
    teams = [teams_of(state) for state in states]
    known: tuple[Teams, ...] = tuple(dict.fromkeys(teams))
    lineups, which = _tables(known), np.array([known.index(each) for each in teams])
    battles = VectorBattle(len(rows), 0, lineups, seeds)
    seen = [state["characters"] for state in states]
    favoured = np.array([_favoured(lineups, state, at) for state, at in zip(states, which.tolist(), strict=True)])
    code, next_code = lineups.codes[favoured, :, which].T, lineups.codes[1 - favoured, :, which].T
    acting = np.array([state["acting"] for state in states])
    columns = {
        "health": [[each["health"] for each in characters] for characters in seen],
        "status": [[_status(each) for each in characters] for characters in seen],
        "max_health": [[each["maxHealth"] for each in characters] for characters in seen],
        "entry": lineups.entry[:, which].T,
        "code": code.T,
        "next_code": next_code.T,
    }
    arrays = battles.snapshot()
    for name, column in columns.items():
        arrays[name][:-1] = np.asarray(column).T[:, rows]
    arrays["lineup"][:] = which[rows]
    arrays["_full"][:] = lineups.full[:, which[rows]]
    arrays["now"][:] = code[acting, np.arange(len(states))][rows]
    arrays["at_one"][:] = (acting >= lineups.sizes[0])[rows]
    arrays["round"][:] = np.array([state["round"] for state in states])[rows]
    battles.restore(arrays)
    return battles


def _status(character: Mapping[str, Any]) -> int:
    status = EXPOSED * character["exposed"] + CHARGED * character["charged"] + ON_GUARD * character["guard"]
    return int(status + ONE_MEND * character["mends"])


def _favoured(lineups: Lineups, state: State, lineup: int) -> int:
    """The seat that ties of speed go to in the present round, by the order of the next one."""
    alive = [each["health"] > 0 for each in state["characters"]]
    later = [code & 7 for code in sorted(lineups.codes[0, :, lineup].tolist()) if alive[code & 7]]
    return 1 if later == state["next_order"] else 0
