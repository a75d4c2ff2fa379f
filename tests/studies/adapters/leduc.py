"""Leduc hold'em as OpenSpiel has it for Cornerman; needs the extra `openspiel`."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from game_adapter.openspiel_game import open_spiel_game
from tests.studies.measures.leduc import RuleBot


def rule_bot(battle: Any, random: Random) -> int:
    """The beginner's guide."""
    return int(RuleBot().probabilities(battle.state()[battle.seat], np.asarray(battle.action_mask())).argmax())


GAME = open_spiel_game("leduc_poker", "tests.studies.adapters.leduc:GAME")
GAME.bots["rule"] = rule_bot
vars(GAME).update(own_fighter="random")  # so that the first version is met early
