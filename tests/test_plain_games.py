"""The rules of the plain games that the studies learn: checked against slow, obvious ways to say the same."""

from __future__ import annotations

from itertools import chain, pairwise
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.studies.adapters.connect_four_batched import GAME as BATCHED
from tests.studies.adapters.connect_four_batched import ConnectFourBatch, greedy_bot, search_bot
from tests.studies.plain_games import party, tactics
from tests.studies.plain_games.connect_four import COLUMNS, ROWS, WINDOWS, ConnectFour, random_move, search
from tests.studies.plain_games.party import Party
from tests.studies.plain_games.tactics import Tactics
from tests.studies.plain_games.three_seats import Tricks, best_of, random_card
from tests.studies.plain_games.tic_tac_toe import TicTacToe


def played(game: Any, moves: list[Any]) -> Any:
    for move in moves:
        game.play(move)
    return game


def test_tic_tac_toe_is_won_by_three_in_a_row_and_drawn_by_a_full_board() -> None:
    won = played(TicTacToe(), [0, 3, 1, 4, 2])
    assert (won.winner, won.over, won.moves()) == (0, True, [])
    drawn = played(TicTacToe(), [0, 4, 8, 1, 7, 6, 2, 5, 3])
    assert (drawn.winner, drawn.over) == (None, True)
    with pytest.raises(ValueError, match="Square 0 cannot be taken"):
        played(TicTacToe(), [0, 0])


def four_by_looking(board: dict[tuple[int, int], int], player: int) -> bool:
    return any(
        all(board.get((x + dx * at, y + dy * at)) == player for at in range(4))
        for x, y in board
        for dx, dy in ((0, 1), (1, 0), (1, 1), (1, -1))
    )


def test_connect_four_agrees_with_a_board_that_is_looked_at() -> None:
    assert len(WINDOWS) == len(set(WINDOWS)) == 69
    random, results = Random(1), set()
    for _ in range(300):
        game, board = ConnectFour(), dict[tuple[int, int], int]()
        while not game.over:
            column, player = random_move(game, random), game.player
            board[column, game.heights[column]] = player
            game.play(column)
            assert (game.winner == player) == four_by_looking(board, player)
        assert game.winner is not None or len(board) == COLUMNS * ROWS
        results.add(game.winner)
    assert results >= {0, 1}


def test_tricks_deals_follows_suit_trumps_and_hands_out_six_tricks() -> None:
    clubs, hearts, stars = ([6 * suit + rank for rank in range(6)] for suit in range(3))
    assert best_of([clubs[1], clubs[4], clubs[2]]) == clubs[4]
    assert best_of([clubs[1], hearts[5], clubs[0]]) == clubs[1]
    assert best_of([clubs[5], stars[0], stars[1]]) == stars[1]
    random = Random(5)
    for seed in range(200):
        game = Tricks(Random(seed))
        assert sorted(chain(*game.hands)) == list(range(18))
        while not game.over:
            suits = {card // 6 for card in game.hands[game.seat]}
            if game.table and game.table[0] // 6 in suits:
                assert {card // 6 for card in game.moves()} == {game.table[0] // 6}
            game.play(random_card(game, random))
        assert sum(game.tricks) == 6
        assert sum(game.shares()) == pytest.approx(1.0)
        assert sorted(game.played) == list(range(18))
    assert Tricks(Random(1)).hands == Tricks(Random(1)).hands != Tricks(Random(2)).hands


def test_tactics_units_move_within_reach_and_never_share_a_cell() -> None:
    random, seen = Random(7), set[str]()
    for seed in range(5):
        game = Tactics(Random(seed))
        assert [len(army) for army in game.armies] == [20, 20]
        while not game.over:
            command, unit, before = tactics.random_command(game, random), game.chosen, game.health(1 - game.side)
            seen.add(command[0])
            if command[0] == "move":
                assert unit is not None
                assert tactics.distance(unit.cell, command[1]) <= unit.kind.steps
            elif command[0] == "attack":
                assert unit is not None
                target = game.armies[1 - game.side][command[1]]
                assert tactics.distance(unit.cell, target.cell) <= unit.kind.reach
            side = game.side
            game.do(command)
            lost = before - game.health(1 - side)
            assert 0 <= lost <= 5
            assert lost == 0 or command[0] == "attack"
            cells = [unit.cell for army in game.armies for unit in army if unit.health]
            assert len(cells) == len(set(cells))
    assert seen == {"choose", "move", "attack", "hold", "brace", "mend", "end"}


def test_party_acts_by_speed_and_pays_for_skills() -> None:
    game, random, seen = Party(Random(8)), Random(8), set[str]()
    speeds = [hero.job.speed for hero in game.queue]
    assert all(later <= earlier + 5 for earlier, later in pairwise(speeds))
    for seed in range(100):
        game = Party(Random(seed))
        while not game.over:
            command, hero, mana = party.random_command(game, random), game.hero, game.hero.mana
            potions = game.potions[hero.side]
            seen.add(command[0])
            game.do(command)
            assert mana - hero.mana == party.PRICES.get(command[0], 0)
            assert potions - game.potions[hero.side] == (command[0] == "potion")
            assert all(0 <= each.health <= each.job.health for side in game.heroes for each in side)
        assert (game.winner is None) == (game.fled is not None or game.round > party.MAX_ROUNDS)
    assert seen == {"attack", "guard", "run", "fire", "quake", "heal", "potion"}


@pytest.mark.parametrize(("bot", "depth"), [(greedy_bot, 1), (search_bot, 2)])
def test_connect_four_in_batches_plays_and_shows_what_single_games_do(bot: Any, depth: int) -> None:
    batch = BATCHED.new_battles(16, 3)
    games = [connect_four_after(batch, row) for row in range(16)]
    assert all(sum(game.heights) == 4 for game in games), "four random discs begin a game"
    seen, masks = np.zeros((16, len(BATCHED.feature_names)), np.float32), np.zeros((16, 7), np.bool_)
    random, endings = np.random.default_rng(2), 0
    for _ in range(150):
        batch.observe(seen, masks)
        for row, game in enumerate(games):
            assert sorted(game.moves()) == list(np.flatnonzero(masks[row]))
            assert np.array_equal(BATCHED.encode(tuple(game.stones), game.player), seen[row])
        columns = bot(batch, np.arange(16), random)
        for game, column in zip(games, columns.tolist(), strict=True):
            values = {at: value for value, at in search(game.stones, game.heights, game.player, depth)}
            assert values[column] == max(values.values())
            game.play(column)
        ended = batch.step(columns)
        assert ended.rows.tolist() == [row for row, game in enumerate(games) if game.over]
        winners = [games[row].winner for row in ended.rows]
        assert ended.outcome.tolist() == [(winner == 0) - (winner == 1) for winner in winners]
        for row in ended.rows:
            games[row] = connect_four_after(batch, row)
        endings += len(ended.rows)
    assert endings > 50


def test_connect_four_goes_on_from_a_position_alone_and_in_batches() -> None:
    random, games = Random(0), [BATCHED.new_battle(0) for _ in range(12)]
    for plies, game in enumerate(games):
        for _ in range(plies):
            game.play(random_move(game, random))
    states = [game.state() for game in games]
    seats = [game.player for game in games]
    seen, masks = np.zeros((12, len(BATCHED.feature_names)), np.float32), np.zeros((12, 7), np.bool_)
    batch = BATCHED.restore_battles(states, seats, np.arange(12), np.zeros(12, np.uint64))
    for _ in range(8):
        batch.observe(seen, masks)
        single = [BATCHED.restore(game.state(), game.player, random) for game in games]
        assert [battle.state() for battle in single] == [game.state() for game in games]
        assert batch.seat.tolist() == [game.player for game in games] == [battle.player for battle in single]
        for row, game in enumerate(games):
            assert np.array_equal(BATCHED.encode(game.state(), game.player), seen[row])
        columns = [random_move(game, random) for game in games]
        for game, column in zip(games, columns, strict=True):
            game.play(column)
        assert not any(game.over for game in games), "a finished game has no next position: take another seed"
        batch.step(np.array(columns))


def connect_four_after(batch: ConnectFourBatch, row: int) -> ConnectFour:
    """A single game in the position of one of the batch."""
    game, bits = ConnectFour(), [7 * column + up for column in range(COLUMNS) for up in range(ROWS)]
    discs = batch.games.stones[row]
    game.stones = [sum(1 << bit for bit, disc in zip(bits, own, strict=True) if disc) for own in discs]
    game.heights, game.player = batch.games.heights[row].tolist(), int(batch.games.player[row])
    return game
