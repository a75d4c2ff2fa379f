"""manifest.py: a wrong field is named, whatever is wrong with it; the card is for people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cornerman.contract import ModelError
from cornerman.models.manifest import Manifest, card, parse_manifest
from cornerman.policy.q_network import NetworkSpec

SPEC = NetworkSpec(18, 3, (8,))
GOOD = Manifest(
    schema=1,
    version=4,
    game="toy",
    game_version="1.0",
    encoder_version="abc",
    action_names=("strike", "guard", "mend"),
    observation_size=18,
    hidden=(8,),
    sha256="0" * 64,
    weights_bytes=1000,
    shapes=dict(SPEC.arrays()),
    parent=3,
    learning_steps=1200,
    rows={"player": 0, "plugin": 5000},
    from_player=False,
    gate={"promote": True, "reason": "Promoted: 64% against the champion over 41 pairs."},
    origin="trained",
    created="2026-01-01T00:00:00+00:00",
    plugin_version="0.1.0",
)


def stored(**changes: Any) -> Any:
    return {**json.loads(json.dumps(GOOD.as_dict())), **changes}


def test_manifest_is_read_as_written() -> None:
    assert parse_manifest(stored(), "It") == GOOD
    assert GOOD.spec == SPEC
    assert GOOD.passed_gate
    assert not GOOD.from_player


MISSING = object()
WRONG = [MISSING, None, -1, 1.5, "x" * 300, "\n", [], {}, [[]], True, 2**70, ["a", 3], [9], {"a": -1}, {"a": "b"}]


@pytest.mark.parametrize("name", [name for name in GOOD.as_dict() if name != "schema"])
def test_wrong_field_is_named_or_harmless(name: str) -> None:
    for wrong in WRONG:
        value = stored(**{name: wrong})
        if wrong is MISSING:
            del value[name]
        try:
            manifest = parse_manifest(value, "It")
        except ModelError as error:
            sentence = str(error)
            assert any(part in sentence for part in (name, "shapes"))
        else:
            # What is accepted must be a value of the field's own type.
            assert type(getattr(manifest, name)) in (type(getattr(GOOD, name)), type(None), str)
            assert wrong is not MISSING or name in ("parent", "gate", "from_player")


def test_newer_schema_is_refused_with_both_numbers() -> None:
    with pytest.raises(ModelError, match=r"newer Cornerman \(schema 2, this one reads 1\)"):
        parse_manifest(stored(schema=2), "It")


def test_card_names_game_score_and_origin() -> None:
    text = card(GOOD)
    for part in ("Version 4", "toy", "version 3", "1,200 learning steps", "5,000 plugin", "64%", "0" * 64):
        assert part in text
    assert "0 player" not in text
