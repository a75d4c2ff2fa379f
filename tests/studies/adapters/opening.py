"""Ringside with a strong bot more: the model that it ships, which begins with a fixed opening: two rounds on guard."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from cornerman.experience.encoder import Encoder
from cornerman.files.tensor_file import unpack
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec
from game_adapter.ringside.battle import GUARD
from game_adapter.ringside.game import Ringside

MODEL = Path(__file__).resolve().parents[3] / "assets" / "models" / "ringside.zip"
OPENING, OPENING_ROUNDS = GUARD, 2


@cache
def shipped() -> Policy:
    """The model that Ringside ships."""
    with zipfile.ZipFile(io.BytesIO(MODEL.read_bytes())) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        arrays, _ = unpack(archive.read("weights.safetensors"), "The shipped model")
    spec = NetworkSpec(manifest["observation_size"], len(manifest["action_names"]), tuple(manifest["hidden"]))
    return Policy.from_arrays(spec, arrays)


@cache
def encoder() -> Encoder:
    return Encoder(GAME)


def opener(battle: Any, random: Random) -> int:
    """One decision."""
    mask = encoder().mask(battle.action_mask())
    if battle.round <= OPENING_ROUNDS and mask[OPENING]:
        return OPENING
    return shipped().act(encoder().encode(battle.state(), battle.seat), mask, random)


def openers(battles: Any, rows: Any, random: np.random.Generator) -> Any:
    """The decisions of some rows of a batch."""
    sizes = battles.num_battles, encoder().observation_size
    observations, masks = np.zeros(sizes, np.float32), np.zeros((sizes[0], encoder().num_actions), np.bool_)
    battles.observe(observations, masks)
    actions = shipped().act_batch(observations[rows], masks[rows], random)
    opens = (np.asarray(battles.round)[rows] <= OPENING_ROUNDS) & masks[rows, OPENING]
    return np.where(opens, OPENING, actions)


class OpeningRingside(Ringside):
    """The strong bot is the last one, and plays in batches like the first two."""

    @property
    def bots(self) -> Mapping[str, Any]:
        return {**super().bots, "opener": opener}

    @property
    def batched_bots(self) -> Mapping[str, Any]:
        return {**super().batched_bots, "opener": openers}


GAME = OpeningRingside()
