"""Connect four for Cornerman."""

from tests.studies.plain_games.connect_four import COLUMNS, ROWS, ConnectFour, greedy_move, random_move


class ConnectFourBattle(ConnectFour):
    @property
    def seat(self) -> int | None:
        return None if self.over else self.player

    @property
    def outcome(self) -> dict[int, int] | None:
        won = (self.winner == 0) - (self.winner == 1)
        return {0: won, 1: -won} if self.over else None

    def state(self) -> tuple[int, ...]:
        return tuple(self.stones)

    def action_mask(self) -> list[bool]:
        return [height < ROWS for height in self.heights]

    apply = ConnectFour.play


BOTS = {"random": random_move, "greedy": greedy_move}


class ConnectFourGame:
    name, version, max_characters, random_opening = "connect four", "1", 0, 4
    action_names = tuple(f"column {at}" for at in range(COLUMNS))
    feature_names = tuple(f"{who} {at}" for who in ("mine", "theirs") for at in range(COLUMNS * 7))
    bots, import_name = BOTS, "tests.studies.adapters.connect_four:GAME"

    def encode(self, state: tuple[int, ...], seat: int) -> list[float]:
        return [float(state[owner] >> at & 1) for owner in (seat, 1 - seat) for at in range(COLUMNS * 7)]

    def new_battle(self, seed: int) -> ConnectFourBattle:
        return ConnectFourBattle()


GAME = ConnectFourGame()
