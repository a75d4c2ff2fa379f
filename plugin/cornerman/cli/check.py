"""`cornerman check`: whether a game keeps the contract, with the fix for what it does not."""

from __future__ import annotations

from cornerman.contract import CornermanError, HeadlessGame
from cornerman.evaluation.game_check import Finding, check_game
from cornerman.experience.declaration import declaration_of
from cornerman.selfplay.games import find_game, import_name
from cornerman.selfplay.worker_process import FaultyGameError, WorkerProcess

STARTING_S = 60.0


def check(name: str, num_battles: int, seed: int) -> int:
    """Print one line a finding about the game of that name; 1 where one is a fault."""
    game = find_game(name)
    print(f"{game.name} {game.version}: {len(game.action_names)} actions, {len(game.bots)} bots")
    wrong = 0
    for finding in (*check_game(game, num_battles, declaration_of(game).max_decisions, seed), in_another_process(game)):
        wrong += finding.wrong
        print(f"{'WRONG' if finding.wrong else 'ok':5}  {finding.what}")
        if finding.fix:
            print(f"       -> {finding.fix}")
    print(f"{wrong} to mend" if wrong else "Nothing to mend.")
    return 1 if wrong else 0


def in_another_process(game: HeadlessGame) -> Finding:
    """Whether a worker process can import the game and play."""
    fix = 'Give it import_name = "module:attribute", importable without a window; or set worker = "thread".'
    name = import_name(game)
    if not name:
        return Finding(True, "no other process can import this game, so practice would cost frames", fix)
    try:
        worker = WorkerProcess(name, {"hidden": (8,), "seed": 0, "number": 0})
        try:
            worker.order({}, {"kind": "state"})
            found = worker.answer(STARTING_S)
        finally:
            worker.close()
    except FaultyGameError as error:
        return Finding(True, f"self-play in another process: {error}", "Mend the battles first.")
    except CornermanError as error:
        return Finding(True, f"another process cannot import {name}: {error}", fix)
    if found is None:
        return Finding(True, f"importing {name} in another process takes more than {STARTING_S:.0f} s", fix)
    return Finding(False, f"another process imports it as {name}")
