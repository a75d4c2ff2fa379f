"""`cornerman check`: whether a game keeps the contract, with the fix for what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from cornerman.contract import ContractError, CornermanError, Game, HeadlessGame
from cornerman.evaluation.checked_calls import Finding
from cornerman.evaluation.game_check import check_game
from cornerman.experience.declaration import Declaration, declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import base_model
from cornerman.models.manifest import Identity
from cornerman.selfplay.games import find_any, import_name
from cornerman.selfplay.worker_process import FaultyGameError, WorkerProcess

STARTING_S = 60.0


def check(name: str, num_battles: int, seed: int) -> int:
    """Print one line a finding about the game of that name; 1 where one is a fault."""
    game, wrong = find_any(name), 0
    for finding in _findings(game, num_battles, seed):
        wrong += finding.wrong
        print(f"{'WRONG' if finding.wrong else 'note' if finding.note else 'ok':5}  {finding.what}")
        if finding.fix:
            print(f"       -> {finding.fix}")
    print(f"{wrong} to mend" if wrong else "Nothing to mend.")
    return 1 if wrong else 0


def _findings(game: Game, num_battles: int, seed: int) -> Iterator[Finding]:
    try:
        declared = declaration_of(game)
    except ContractError as error:
        yield Finding(True, str(error), "contract.py says what may be declared.")
        return
    plays = f"{len(game.bots)} bots" if isinstance(game, HeadlessGame) else "hooks alone"
    print(f"{game.name} {game.version}: {len(game.action_names)} actions, {plays}")
    yield from check_game(game, num_battles, declared.max_decisions, seed)
    yield who_plays_first(game, declared)
    if isinstance(game, HeadlessGame):
        yield in_another_process(game)


def who_plays_first(game: Game, declared: Declaration) -> Finding:
    """Whether the model that the game ships can be used; else who plays until a version has proved better."""
    own_fighter = declared.own_fighter or "the game's own fighter, which is none of its bots,"
    if declared.base_model is None:
        return Finding(False, f"{own_fighter} plays until a version has proved better (no base_model)")
    try:
        base_model(Identity.of(game, Encoder(game)), declared.base_model)
    except CornermanError as error:
        fix = "Name a file that `cornerman versions export` wrote for this very game, or leave base_model out."
        return Finding(True, f"base_model cannot be used, so {own_fighter} would play: {error}", fix)
    return Finding(False, f"the model in {declared.base_model.name} plays until a version has proved better")


def in_another_process(game: HeadlessGame) -> Finding:
    """Whether a worker process can import the game and play."""
    fix = 'Give it import_name = "module:attribute", importable without a window; or set worker = "thread".'
    name = import_name(game)
    if not name:
        return Finding(True, "no other process can import this game, so practice would cost frames", fix)
    try:
        with closing(WorkerProcess(name, {"hidden": (8,), "seed": 0, "number": 0, "background": False})) as worker:
            worker.order({}, {"kind": "state"})
            found = worker.answer(STARTING_S)
    except FaultyGameError as error:
        return Finding(True, f"self-play in another process: {error}", "Mend the battles first.")
    except CornermanError as error:
        return Finding(True, f"another process cannot import {name}: {error}", fix)
    if found is None:
        return Finding(True, f"importing {name} in another process takes more than {STARTING_S:.0f} s", fix)
    return Finding(False, f"another process imports it as {name}")
