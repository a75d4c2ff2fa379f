"""The model that is shipped with Ringside loads through every check and plays as its card says."""

from __future__ import annotations

from pathlib import Path

from cornerman.evaluation.arena import evaluate
from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import import_version, play_smoke_battle
from cornerman.models.manifest import Identity
from cornerman.models.registry import Registry
from cornerman.policy.q_network import NetworkSpec
from game_adapter.ringside.assets import asset
from game_adapter.ringside.game import RINGSIDE


def test_the_shipped_model_drops_into_a_game_and_wins(tmp_path: Path) -> None:
    encoder = Encoder(RINGSIDE)
    sizes = encoder.observation_size, encoder.num_actions
    identity = Identity(RINGSIDE.name, RINGSIDE.version, encoder.version, tuple(RINGSIDE.action_names), sizes[0])
    registry = Registry(tmp_path, identity, NetworkSpec(*sizes), lambda: 0.0)
    version = import_version(registry, identity, asset("models/ringside.zip"))
    play_smoke_battle(registry, version, RINGSIDE, encoder)
    registry.promote(version)
    champion, sentences = registry.load_champion()
    assert not sentences
    assert champion is not None
    assert evaluate(champion, RINGSIDE.bots["brawler"], RINGSIDE, 40, 3).score > 0.85
    assert evaluate(champion, RINGSIDE.bots["tactician"], RINGSIDE, 60, 3).score > 0.6
