"""Games that offer hooks and nothing else: a series against one player, with the game's own fighter at first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from game_adapter.host.host import Host
from game_adapter.host.match import PLAYER, PLUGIN, Match
from game_adapter.ringside.game import RINGSIDE

SETTLE_S = 60.0
ROOT = Path(__file__).resolve().parents[3]
Bot = Callable[[Any, Random], int | None]


class HooksOnly:
    """What Ringside declares, without its battles and bots."""

    name, version = RINGSIDE.name, RINGSIDE.version
    action_names, feature_names = RINGSIDE.action_names, RINGSIDE.feature_names

    def encode(self, state: Mapping[str, Any], seat: int) -> Sequence[float]:
        return RINGSIDE.encode(state, seat)


class Opened:
    """A host with the plugin of this source, or without `data` none; a context manager that ends it."""

    def __init__(self, game: Any, seed: int, data: Path | None, **wishes: Any) -> None:
        plugins, wishes = ROOT / "plugin" if data else ROOT / "no plugins", {"seed": seed, **wishes}
        self.host = Host(plugins, data or Path(), game, wishes)
        if data:
            self.host.load()
            if not self.host.loaded:  # the figures would be those of the own fighter
                raise RuntimeError(" ".join(self.host.messages))

    def __enter__(self) -> Host:
        return self.host

    def __exit__(self, *_: object) -> None:
        self.host.quit()


def play(host: Host, battle: Any, number: int, seat: int, own: Bot, player: Bot, random: Random) -> int:
    """One battle, in which the plugin's seat is `seat`; its outcome."""
    match = Match(host, battle, number, {seat: PLUGIN, 1 - seat: PLAYER}, own, random)
    while not match.over:
        if match.between_rounds:
            host.settle(SETTLE_S)
            match.start_round()
        elif match.seat_to_play == seat:
            match.play(match.decide())
        else:
            match.play(player(battle, random))
    host.settle(SETTLE_S)
    return int((battle.outcome or {}).get(seat, 0))


def report(host: Host) -> Mapping[str, Any]:
    return host.report("cornerman") or {}


def series(own: str, player: str, battles: int, seed: int, data: Path | None) -> dict[str, Any]:
    """Battles in Ringside of `own` against `player`, by the plugin where it has an opinion.

    The same seed gives the same teams and dice with the plugin and without. Returns outcomes and which version played.
    """
    random, bots = Random(f"series {seed}"), (RINGSIDE.bots[own], RINGSIDE.bots[player])
    seeds = [random.getrandbits(48) for _ in range(battles)]
    with Opened(HooksOnly(), seed, data) as host:
        return fought(host, RINGSIDE, [(each, at % 2) for at, each in enumerate(seeds)], *bots)


def fought(host: Host, game: Any, battles: Sequence[tuple[int, int]], own: Bot, player: Bot) -> dict[str, Any]:
    """Outcomes and versions of battles, each given by its seed and the plugin's seat; and the last events."""
    won, versions = list[int](), list[int]()
    for number, (seed, seat) in enumerate(battles, 1):
        won.append(play(host, game.new_battle(seed), number, seat, own, player, Random(seed)))
        versions.append(int(report(host).get("version", -1)))
    return {"won": won, "versions": versions, "events": [event["text"] for event in report(host).get("events", [])]}


def barebones_series(battles: int, seed: int, data: Path | None) -> dict[str, Any]:
    """Battles in barebones-rpg, two heroes against two monsters, which the framework plays where the plugin does not.

    Needs the extra `barebones`.
    """
    from game_adapter.barebones_game import ENEMIES, framework_bot
    from tests.studies.adapters.encounter import GAME

    class Declared:
        """What the adapter declares, without its battles and bots."""

    declared = ("name", "version", "max_rounds", "num_seats", "plugin_seats", "seats_alike", "stats", "max_characters")
    for name in (*declared, "action_names"):
        setattr(Declared, name, getattr(GAME, name))
    random = Random(f"barebones {seed}")
    seeds = [random.getrandbits(32) for _ in range(battles)]
    with Opened(Declared(), seed, data) as host:
        return fought(host, GAME, [(each, ENEMIES) for each in seeds], framework_bot, framework_bot)
