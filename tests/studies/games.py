"""Any turn-based game: how long an adapter is, and what the plugin learns in games that were not made for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import import_module
from random import Random
from typing import Any

import numpy as np

from cornerman.cli.commands.stored import stored_policy
from cornerman.evaluation.headless import PolicyBot
from cornerman.experience.encoder import Encoder
from cornerman.opponent.predictor import STRANGER_TEMPERATURE, ChampionPredictor
from cornerman.search.look_ahead import LookAhead, effort_for
from cornerman.search.playouts import Playouts
from tests.studies.adapters.three_seats import seen
from tests.studies.intervals import Interval, exact, of_mean
from tests.studies.measures import leduc, training
from tests.studies.measures.boards import Tally, against_perfect, connect_four_tally
from tests.studies.measures.code_lines import code_lines
from tests.studies.measures.tables import simultaneous_gain, three_seats_gain
from tests.studies.plain_games import connect_four
from tests.studies.study import Figure, Study, Unit, Work
from tests.support.paths import ROOT

LINES = {
    "pettingzoo": ("game_adapter/pettingzoo_game.py", 80),
    "connect_four": ("tests/studies/adapters/connect_four.py", 25),
    "tactics": ("tests/studies/adapters/tactics.py", 70),
    "party": ("tests/studies/adapters/party.py", 40),
}
OPPONENTS = {
    "random": (connect_four.random_move, 0.99),
    "greedy": (connect_four.greedy_move, 0.90),
    "search2": (connect_four.search_move, 0.70),
}
Summary = Callable[[Sequence[Any]], Interval]


@dataclass(frozen=True, slots=True)
class Learned:
    """A game that is trained and then measured: `measure(work, trained, count, seed)` gives a result, of which, one a
    seed, every figure is made."""

    minutes: float
    measure: Callable[..., Any]
    count: int
    figures: Mapping[str, tuple[Summary, str]]  # by key, and what each must be
    num_seeds: int = 3


def count_lines(work: Work, path: str, sha256: str) -> int:
    """The adapter's lines that hold code; another text of the file, `sha256`, is another unit of work."""
    del work, sha256
    return code_lines((ROOT / path).read_text("utf-8"))


def train(work: Work, game: str, minutes: float, seed: int) -> None:
    """`cornerman train` for one of the adapters."""
    training.train(work, f"adapters.{game}", minutes, seed)


def trained_player(
    work: Work, unit: str, game: str, search: bool = False
) -> tuple[Any, Callable[[Any, int, Any], int]]:
    """The game, and what its trained champion does in a state, given the seat and the legal actions; with `search` by
    look-ahead, as against a player of whom nothing is known yet."""
    mine = import_module(f"tests.studies.adapters.{game}").GAME
    policy, random = stored_policy(mine, work.folder_of(unit) / "data", None), np.random.default_rng(0)
    encoder = Encoder(mine)
    stranger = ChampionPredictor(policy, STRANGER_TEMPERATURE)
    ahead = LookAhead(Playouts(mine, encoder, policy, stranger), effort_for(mine))

    def act(state: Any, seat: int, legal: Any) -> int:
        mask = np.zeros(len(mine.action_names), np.bool_)
        mask[legal] = True
        action = int(policy.act(np.array(mine.encode(state, seat), np.float32), mask, random))
        if search:
            for found in ahead.improve([state], [seat], mask[None], int(random.integers(1 << 48))):
                action = int(found.best[0])
        return action

    return mine, act


def on_board(work: Work, unit: str, game: str, search: bool = False) -> Callable[[Any], int]:
    """The trained champion as a function from one of the plain board games to a move."""
    mine, act = trained_player(work, unit, game, search)

    def move(battle: Any) -> int:
        own = mine.new_battle(0)
        own.__dict__.update(battle.__dict__)  # the plain game as a battle of the adapter, in the same position
        return act(own.state(), battle.player, battle.moves())

    return move


def tic_tac_toe_lost(work: Work, trained: str, count: int, seed: int) -> int:
    """Games lost to a perfect player, in both seats."""
    return against_perfect(on_board(work, trained, "tic_tac_toe"), count, seed).lost


def connect_four_results(work: Work, trained: str, count: int, seed: int) -> dict[str, list[int]]:
    """Won, drawn and lost against each opponent: as the plugin plays, with look-ahead, and by the weights alone."""
    found = {}
    for before, search in (("", True), ("weights.", False)):
        move = on_board(work, trained, "connect_four_batched", search)
        for name, (opponent, _) in OPPONENTS.items():
            tally = connect_four_tally(move, opponent, count, seed)
            found[before + name] = [tally.won, tally.drawn, tally.lost]
    return found


def three_seats(work: Work, trained: str, count: int, seed: int) -> list[float]:
    """Per deal, by how much more than a third the champion has of the win."""
    _, act = trained_player(work, trained, "three_seats")
    return three_seats_gain(lambda game: act(seen(game), game.seat, game.moves()), count, seed)


def simultaneous(work: Work, trained: str, count: int, seed: int) -> list[float]:
    """Per game, rounds won minus rounds lost over all rounds."""
    _, act = trained_player(work, trained, "rock_paper_scissors")
    return simultaneous_gain(lambda game, player: act(game.history, player, [0, 1, 2]), count, seed)


def barebones(work: Work, trained: str, count: int, seed: int) -> list[float]:
    """Per battle, won by the monsters with the champion minus won by them as the framework plays them; the adapter's
    battles begin and draw like those without it."""
    from tests.studies.plain_games.encounter import fight

    game, gains = import_module("tests.studies.adapters.encounter").GAME, []
    champion = PolicyBot(stored_policy(game, work.folder_of(trained) / "data", None), Encoder(game))
    for each in range(count * seed, count * (seed + 1)):
        battle = game.new_battle(each)
        while battle.outcome is None:
            if battle.seat == 0:
                battle.play_hero()
            else:
                battle.apply(champion(battle, Random(0)))
        gains.append(float(battle.outcome[1] > 0) - float(not fight(each)))
    return gains


def leduc_figures(work: Work, trained: str, count: int, seed: int) -> dict[str, float]:
    """What a best response wins from the champion at its best over what one wins from uniform play, and its chips a
    hand against the rule bot; both exact, so there is nothing to count or to draw."""
    del count, seed
    game = import_module("tests.studies.adapters.leduc").GAME
    champion = leduc.Greedy(stored_policy(game, work.folder_of(trained) / "data", None))

    def observe(state: Any, player: int) -> Any:
        return np.asarray(leduc.information_state(state, player) / game.largest, np.float32)

    share = leduc.exploitability_share(champion, observe)
    return {"exploitability": share, "chips": leduc.chips_a_hand(champion, leduc.RuleBot(), observe)}


def of_results(name: str, results: Sequence[dict[str, float]]) -> Interval:
    return of_mean([result[name] for result in results])


def win_rate(name: str, results: Sequence[dict[str, list[int]]]) -> Interval:
    """Over all seeds together."""
    return Tally(*(sum(counts) for counts in zip(*(result[name] for result in results), strict=True))).win_rate


def of_seeds(results: Sequence[Sequence[float]]) -> Interval:
    """The mean of what each seed's champion has on average; the interval is over champions, not over their games."""
    return of_mean([float(np.mean(result)) for result in results])


LEARNED = {
    "tic_tac_toe": Learned(2.0, tic_tac_toe_lost, 500, {"tictactoe.lost": (of_mean, "0")}),
    "connect_four_batched": Learned(
        10.0,
        connect_four_results,
        400,
        {
            f"connect_four.{before}{name}": (partial(win_rate, before + name), "" if before else f"at least {least}")
            for before in ("", "weights.")
            for name, (_, least) in OPPONENTS.items()
        },
    ),
    "three_seats": Learned(3.0, three_seats, 1000, {"three_seats.gain": (of_seeds, "above 0")}),
    "leduc": Learned(
        10.0,
        leduc_figures,
        0,
        {
            "leduc.exploitability": (partial(of_results, "exploitability"), "at most 0.7"),
            "leduc.chips": (partial(of_results, "chips"), "above 0"),
        },
    ),
    "encounter": Learned(3.0, barebones, 500, {"barebones.gain": (of_seeds, "at least 0.08")}),
    "rock_paper_scissors": Learned(1.0, simultaneous, 1000, {"simultaneous.gain": (of_seeds, "above 0")}, 6),
}


def study(quick: bool) -> Study:
    """Every seed is trained anew; `quick` says only whether all of it runs."""
    units = [
        Unit(f"lines {name}", count_lines, {"path": path, "sha256": sha256((ROOT / path).read_bytes()).hexdigest()})
        for name, (path, _) in LINES.items()
    ]
    figures = [
        Figure(f"games.lines.{name}", (f"lines {name}",), lambda found: exact(found[0]), (), f"at most {most}")
        for name, (_, most) in LINES.items()
    ]
    for game, learned in LEARNED.items():
        minutes, count = (0.1, 6) if quick else (learned.minutes, learned.count)
        seeds = list(range(2 if quick else learned.num_seeds))
        for seed in seeds:
            units.append(Unit(f"{game} {seed}", train, {"game": game, "minutes": minutes, "seed": seed}))
            given = {"trained": f"{game} {seed}", "count": count, "seed": seed}
            units.append(Unit(f"{game} played {seed}", learned.measure, given, (f"{game} {seed}",)))
        played = tuple(f"{game} played {seed}" for seed in seeds)
        figures += [
            Figure(f"games.{key}", played, summary, seeds, must) for key, (summary, must) in learned.figures.items()
        ]
    return Study(units, figures)
