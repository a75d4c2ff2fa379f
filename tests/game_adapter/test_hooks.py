"""The check of a plugin's hooks at load, and that host and contract offer the same."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from cornerman.contract import Hooks
from cornerman.plugin import Cornerman
from game_adapter.host import Host
from game_adapter.host.hooks import HOOKS, LOADING_HOOKS, bind
from game_adapter.host.manifest import ManifestError

ROUND = {"battle_id": 4, "round": 2}
BATTLE = {"battle_id": 4, "truncated": False}


def parameters(method: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(method).parameters)[1:]


def test_contract_and_host_offer_the_same_hooks_with_the_same_arguments() -> None:
    contract = {name: parameters(method) for name, method in vars(Hooks).items() if inspect.isfunction(method)}
    assert {name: arguments for name, arguments in contract.items() if not name.startswith("_")} == dict(HOOKS)
    assert set(HOOKS) >= LOADING_HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_host_has_a_method_for_every_hook(hook: str) -> None:
    inner = {"on_load": "load", "on_quit": "quit", "messages": "messages", "set_learning": "try_again"}
    assert hasattr(Host, inner.get(hook, hook))
    if hook not in (*inner, "report", "evaluate"):  # those two ask a plugin by its name
        assert parameters(getattr(Host, hook)) == HOOKS[hook]


def test_game_that_never_calls_load_is_told_once_at_its_first_battle(tmp_path: Path) -> None:
    host = Host(tmp_path / "plugins", tmp_path / "data", None)
    for battle_id in (1, 2):
        host.on_battle_start(battle_id, {0: "player", 1: "plugin"})
    assert host.messages == ["load() was not called before the first battle: no plugin plays or learns."]
    loaded = Host(tmp_path / "plugins", tmp_path / "data", None)
    loaded.load()
    loaded.on_battle_start(1, {0: "player", 1: "plugin"})
    assert len(loaded.messages) == 1
    assert "No plugins folder" in loaded.messages[0]


def test_cornerman_binds() -> None:
    assert {"on_load", "on_turn", "on_quit", "choose_action", "report", "settle", "evaluate"} <= set(bind(Cornerman()))


class Asking:
    """Takes fewer arguments, in another order, with a default of its own, all of them, as static or class method."""

    def on_round_start(self, round: int, battle_id: int) -> Any:
        return (round, battle_id)

    def on_round_end(self, round: int, weather: str = "fair") -> Any:
        return (round, weather)

    def on_turn(self, **arguments: Any) -> Any:
        return arguments

    def on_battle_end(self, outcome: Any, **rest: Any) -> Any:
        return outcome, rest

    @staticmethod
    def on_quit() -> str:
        return "static"

    @classmethod
    def on_choosing(cls, seat: int) -> int:
        return seat


@pytest.mark.parametrize(
    ("hook", "offered", "answer"),
    [
        ("on_round_start", ROUND, (2, 4)),
        ("on_round_end", ROUND, (2, "fair")),
        ("on_turn", dict.fromkeys(HOOKS["on_turn"], 7), dict.fromkeys(HOOKS["on_turn"], 7)),
        ("on_battle_end", {**BATTLE, "outcome": 1}, (1, BATTLE)),
        ("on_quit", {}, "static"),
        ("on_choosing", {"battle_id": 4, "seat": 1}, 1),
    ],
)
def test_hook_gets_the_arguments_that_it_asks_for(hook: str, offered: dict[str, Any], answer: Any) -> None:
    assert bind(Asking())[hook](**offered) == answer


@pytest.mark.parametrize(
    ("methods", "sentence"),
    [
        (
            {"on_round_end": lambda self, battle_id, weather: None},
            r"asks for 'weather'; this game offers battle_id, round\.",
        ),
        ({"on_quit": lambda self, *, force: None}, r"on_quit asks for 'force'; this game offers no arguments\."),
        ({"on_trun": lambda self, action: None}, r"it defines on_trun, which is no hook; meant is on_turn\?$"),
        ({"on_quit": lambda self: None, "on_xyzzyxyzzy": lambda self: None}, r"on_xyzzyxyzzy, which is no hook\.$"),
        ({"on_round_end": lambda self, battle_id, /: None}, "on_round_end takes battle_id.*keywords"),
        ({"on_turn": lambda self, *arguments: None}, r"on_turn takes \*arguments.*keywords"),
        ({"on_quit": "a text, no method"}, "Idle defines none of the hooks"),
    ],
)
def test_plugin_that_does_not_keep_the_contract_is_refused(methods: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ManifestError, match=sentence):
        bind(type("Idle", (), methods)())
