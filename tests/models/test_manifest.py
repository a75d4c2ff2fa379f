"""version_manifest.py: a wrong field is named, whatever is wrong with it; the card is for people."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cornerman.contract import ModelError
from cornerman.models.manifest import Identity, Manifest, card, parse_manifest
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


WRONG: list[Any] = [None, -1, 1.5, "x" * 300, "\n", [], {}, [[]], True, 2**70, ["a", 3], {"a": -1}, {"a": "b"}]


@pytest.mark.parametrize("name", [name for name in GOOD.as_dict() if name != "schema"])
@pytest.mark.parametrize("value", WRONG, ids=str)
def test_wrong_field_is_named_or_harmless(name: str, value: Any) -> None:
    try:
        manifest = parse_manifest(stored(**{name: value}), "It")
    except ModelError as error:
        sentence = str(error)
    else:
        # What is accepted must be a value of the field's own type.
        assert type(getattr(manifest, name)) in (type(getattr(GOOD, name)), type(None), str)
        return
    assert name in sentence or "shapes" in sentence


@pytest.mark.parametrize("name", [name for name in GOOD.as_dict() if name not in ("parent", "gate", "from_player")])
def test_missing_field_is_named(name: str) -> None:
    value = stored()
    del value[name]
    with pytest.raises(ModelError, match=name):
        parse_manifest(value, "It")


def test_shapes_must_fit_the_sizes() -> None:
    with pytest.raises(ModelError, match="shapes"):
        parse_manifest(stored(hidden=[9]), "It")


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(list(GOOD.as_dict())), any_json, max_size=4))
def test_any_json_is_a_manifest_or_an_error_with_a_sentence(changes: Any) -> None:
    try:
        parse_manifest(stored(**changes), "It")
    except ModelError:
        return


def test_misfit_names_what_does_not_fit() -> None:
    fitting = Identity("toy", "2.0", "abc", GOOD.action_names, 18)
    assert GOOD.misfit(fitting) is None  # a newer game with the same layout keeps what it learned
    assert "'chess'" in str(GOOD.misfit(Identity("chess", "1.0", "abc", GOOD.action_names, 18)))
    assert "actions" in str(GOOD.misfit(Identity("toy", "1.0", "abc", ("strike",), 18)))
    assert "layout" in str(GOOD.misfit(Identity("toy", "1.0", "abd", GOOD.action_names, 18)))


def test_card_names_game_score_and_origin() -> None:
    text = card(GOOD)
    for part in ("Version 4", "toy", "version 3", "1,200 learning steps", "5,000 plugin", "64%", "0" * 64):
        assert part in text
    assert "0 player" not in text
