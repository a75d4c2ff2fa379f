from __future__ import annotations

import json
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import BattleEnd, ModelError, Source
from cornerman.experience.segment import Header, frame, read_battle, read_header, scan, write_battle, write_header
from cornerman.experience.transitions import pack, unpack
from tests.support.sample_states import chain, same

HEADER = Header("duel", "1", "abc", 2, 3)
END = BattleEnd(7, {0: 1, 1: -1}, False, {0: Source.PLUGIN, 1: Source.SCRIPTED})


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_frames_come_back(payloads: list[bytes]) -> None:
    data = b"".join(frame(payload) for payload in payloads)
    assert scan(data) == (payloads, len(data), 0)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5), st.data())
def test_a_tail_cut_anywhere_costs_the_last_frame_only(payloads: list[bytes], data: st.DataObject) -> None:
    frames = [frame(payload) for payload in payloads]
    whole = b"".join(frames[:-1])
    cut = data.draw(st.integers(0, len(frames[-1]) - 1))
    assert scan(whole + frames[-1][:cut]) == (payloads[:-1], len(whole), 0)


@given(st.integers(0, 10**6))
def test_one_damaged_bit_costs_one_frame(seed: int) -> None:
    random = Random(seed)
    payloads = [random.randbytes(random.randrange(1, 50)) for _ in range(4)]
    frames = [frame(payload) for payload in payloads]
    hit = random.randrange(3)
    spoilt = bytearray(frames[hit])
    spoilt[random.randrange(len(spoilt))] ^= 1 << random.randrange(8)
    found = scan(b"".join([*frames[:hit], bytes(spoilt), *frames[hit + 1 :]]))
    assert found.payloads == payloads[:hit] + payloads[hit + 1 :]
    assert found.lost_bytes == len(spoilt)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_scanned(data: bytes) -> None:
    found = scan(data)
    assert 0 <= found.good_end <= len(data)


def test_a_battle_comes_back() -> None:
    rows = chain(5)
    (payload,) = scan(write_battle(END, rows, HEADER)).payloads
    battle = read_battle(payload, HEADER)
    assert battle.end == END
    assert all(same(one, other) for one, other in zip(unpack(battle.columns), rows, strict=True))
    assert {name: column.dtype for name, column in battle.columns.items()} == {
        name: column.dtype for name, column in pack(rows, 2, 3).items()
    }
    assert all(column.flags.owndata or column.base is not None for column in battle.columns.values())
    battle.columns["reward"][0] = 3.0  # fresh and writable


@given(st.integers(0, 10**6))
def test_a_payload_that_checks_out_but_lies_raises_nothing_else(seed: int) -> None:
    random = Random(seed)
    (payload,) = scan(write_battle(END, chain(3), HEADER)).payloads
    lying = bytearray(payload)
    for _ in range(random.randrange(1, 6)):
        lying[random.randrange(len(lying))] = random.randrange(256)
    lying = lying[: random.choice([len(lying), random.randrange(len(lying))])]
    try:
        battle = read_battle(bytes(lying), HEADER)
    except ModelError:
        return
    assert len(battle.columns["action"]) == 3
    assert set(np.unique(battle.columns["action_mask"].view(np.uint8))) <= {0, 1}


def test_a_battle_of_another_size_is_refused() -> None:
    (payload,) = scan(write_battle(END, chain(3), HEADER)).payloads
    for header in (
        Header("duel", "1", "abc", 3, 3),
        Header("duel", "1", "abc", 2, 4),
        Header("duel", "1", "abc", 1, 3),
    ):
        with pytest.raises(ModelError, match="stored battle"):
            read_battle(payload, header)


def test_the_header_comes_back_and_says_what_differs() -> None:
    (payload,) = scan(write_header(HEADER)).payloads
    assert read_header(payload) == HEADER
    assert HEADER.differences(HEADER) == ""
    assert HEADER.differences(Header("duel", "2", "abc", 9, 3)) == (
        "game_version 2 instead of 1, observation_size 9 instead of 2"
    )


@pytest.mark.parametrize(
    "value", [[], 3, {}, {"game": "duel"}, {**json.loads('{"extra": 1}')}, {"game": 1, "game_version": "1"}]
)
def test_a_header_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(ModelError, match="header"):
        read_header(json.dumps(value).encode())


def test_a_header_of_the_wrong_types_is_refused() -> None:
    value = {"game": "duel", "game_version": 1, "encoder_version": "a", "observation_size": "2", "num_actions": 3}
    with pytest.raises(ModelError, match="wrong types"):
        read_header(json.dumps(value).encode())


def test_a_frame_that_could_not_be_read_again_is_not_written() -> None:
    with pytest.raises(ValueError, match="more than"):
        frame(bytes(33 * 2**20))
