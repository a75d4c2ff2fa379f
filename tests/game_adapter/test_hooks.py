"""The check of a plugin's hooks at load, and that host and contract offer the same."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from cornerman.contract import Hooks
from cornerman.plugin import Cornerman
from game_adapter.host.hooks import HOOKS, LOADING_HOOKS, bind
from game_adapter.host.manifest import ManifestError

ROUND = {"battle_id": 4, "round": 2}


def test_contract_and_host_offer_the_same_hooks_with_the_same_arguments() -> None:
    contract = {
        name: tuple(inspect.signature(method).parameters)[1:]
        for name, method in vars(Hooks).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    assert contract == dict(HOOKS)
    assert set(HOOKS) >= LOADING_HOOKS


def test_cornerman_binds() -> None:
    assert {"on_load", "on_turn", "on_quit", "choose_action", "report", "settle", "evaluate"} <= set(bind(Cornerman()))


def test_fewer_arguments_are_allowed_in_any_order() -> None:
    class Plugin:
        def on_round_end(self, round: int) -> Any:
            return ("round", round)

        def on_round_start(self, round: int, battle_id: int) -> Any:
            return (round, battle_id)

        def on_quit(self) -> Any:
            return "quit"

    bound = bind(Plugin())
    assert set(bound) == {"on_round_end", "on_round_start", "on_quit"}
    assert bound["on_round_end"](**ROUND) == ("round", 2)
    assert bound["on_round_start"](**ROUND) == (2, 4)
    assert bound["on_quit"]() == "quit"


def test_keywords_get_everything_that_is_offered() -> None:
    class Plugin:
        def on_turn(self, **news: Any) -> Any:
            return news

        def on_round_end(self, round: int, **rest: Any) -> Any:
            return round, rest

    bound = bind(Plugin())
    everything = {name: name.upper() for name in HOOKS["on_turn"]}
    assert bound["on_turn"](**everything) == everything
    assert bound["on_round_end"](**ROUND) == (2, {"battle_id": 4})


def test_an_argument_with_a_default_that_is_not_offered_keeps_it() -> None:
    class Plugin:
        def on_round_end(self, round: int, weather: str = "fair") -> Any:
            return round, weather

    assert bind(Plugin())["on_round_end"](**ROUND) == (2, "fair")


def test_static_and_class_methods_are_hooks_too() -> None:
    class Plugin:
        @staticmethod
        def on_quit() -> str:
            return "static"

        @classmethod
        def on_round_end(cls, round: int) -> int:
            return round

    bound = bind(Plugin())
    assert bound["on_quit"]() == "static"
    assert bound["on_round_end"](**ROUND) == 2


def test_an_unknown_argument_is_refused_with_hook_and_argument_named() -> None:
    class Plugin:
        def on_round_end(self, battle_id: int, weather: str) -> None: ...

    with pytest.raises(ManifestError, match=r"on_round_end asks for 'weather'; this game offers battle_id, round\."):
        bind(Plugin())


def test_an_unknown_argument_where_none_is_offered_is_refused() -> None:
    class Plugin:
        def on_quit(self, *, force: bool) -> None: ...

    with pytest.raises(ManifestError, match=r"on_quit asks for 'force'; this game offers no arguments\."):
        bind(Plugin())


def test_a_misspelled_hook_is_refused_with_a_suggestion() -> None:
    class Plugin:
        def on_trun(self, action: int) -> None: ...

    with pytest.raises(ManifestError, match=r"it defines on_trun, which is no hook; meant is on_turn\?$"):
        bind(Plugin())


def test_a_hook_like_nothing_that_is_known_is_refused_without_a_guess() -> None:
    class Plugin:
        def on_quit(self) -> None: ...
        def on_xyzzyxyzzy(self) -> None: ...

    with pytest.raises(ManifestError, match=r"on_xyzzyxyzzy, which is no hook\.$"):
        bind(Plugin())


def test_positional_arguments_are_refused() -> None:
    class Bare:
        def on_round_end(self, round: int, /) -> None: ...

    class Starred:
        def on_turn(self, *news: Any) -> None: ...

    with pytest.raises(ManifestError, match=r"on_round_end takes round.*keywords"):
        bind(Bare())
    with pytest.raises(ManifestError, match=r"on_turn takes \*news.*keywords"):
        bind(Starred())


def test_an_object_without_hooks_is_refused() -> None:
    class Idle:
        on_quit = "a text, no method"

    with pytest.raises(ManifestError, match="Idle defines none of the hooks"):
        bind(Idle())
