"""thinker.py: what a game's code raises while it thinks is an answer, and does not end the thread."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from queue import SimpleQueue
from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.contract import Battle, State
from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.search.restored import SLOW_RESTORE_S
from cornerman.search.thinker import Thinker
from cornerman.search.thought import Due, Knowledge, Thought, knowledge
from game_adapter.ringside.game import RINGSIDE
from tests.support.one_by_one import OneByOne


class SlowRingside(OneByOne):
    """With a slow `restore`."""

    def restore(self, state: State, seat: int, random: Random) -> Battle:
        time.sleep(SLOW_RESTORE_S)
        battle: Battle = RINGSIDE.restore(state, seat, random)
        return battle


def thinker(game: Any) -> tuple[SimpleQueue[Due | Knowledge], SimpleQueue[Thought]]:
    """What a thinker of this game reads and what it writes; it knows a champion."""
    encoder = Encoder(RINGSIDE)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, (8,))
    inbox, thoughts = SimpleQueue[Due | Knowledge](), SimpleQueue[Thought]()
    Thinker(game, inbox, thoughts.put)
    inbox.put(knowledge(Policy(spec, draw(spec, np.random.default_rng(0))), {}, 0.5, 1.0))
    return inbox, thoughts


def due(number: int) -> Due:
    """The first decision of a battle."""
    battle = RINGSIDE.new_battle(1)
    assert battle.seat is not None
    return Due(number, battle.seat, battle.state(), list(battle.action_mask()), 3)


@pytest.mark.parametrize("slow", [True, False])
def test_slow_restore_is_reported_before_the_first_answer(slow: bool) -> None:
    inbox, thoughts = thinker(SlowRingside() if slow else RINGSIDE)
    inbox.put(due(1))
    first = thoughts.get(timeout=30.0)
    assert (first.action < 0) == slow, "nothing was tried yet"
    assert bool(re.match(r"restore takes 1\d ms, and a decision needs some 40 of them$", first.slow)) == slow


def test_state_that_raises_is_a_sentence_and_the_next_decision_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    encode = Encoder.encode

    def odd(self: Encoder, state: Any, seat: int) -> object:
        if state == "odd":
            raise KeyError("mana")
        return encode(self, state, seat)

    monkeypatch.setattr(Encoder, "encode", odd)
    inbox, thoughts = thinker(RINGSIDE)
    odd_state: Any = "odd"
    inbox.put(replace(due(1), state=odd_state))
    assert "KeyError: 'mana'" in thoughts.get(timeout=30.0).problem
    inbox.put(due(2))
    found = thoughts.get(timeout=30.0)
    assert (found.number, found.problem) == (2, "")
    assert due(2).action_mask[found.action]
