"""Atomic writes: whole files or none, on every system; bounded reading."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornerman.contract import ModelError
from cornerman.files import atomic
from cornerman.files.atomic import move_folder, parse_json, read_file, read_json, replace_file, to_json, write_file
from tests.support.failing_files import ENDLESS, failing


@pytest.mark.parametrize("lasting", [False, True])
def test_whatever_fails_the_old_bytes_or_the_new_ones_are_there(tmp_path: Path, lasting: bool) -> None:
    path = tmp_path / "note.json"
    for nth in range(1, ENDLESS):
        path.write_bytes(b"old" * 100)
        failed = False
        with failing(nth, lasting) as state:
            try:
                replace_file(path, b"new" * 100)
            except OSError:
                failed = True
        assert path.read_bytes() == b"new" * 100 or (failed and path.read_bytes() == b"old" * 100)
        if not state.hit:
            assert [entry.name for entry in tmp_path.iterdir()] == ["note.json"]
            return
    pytest.fail("there is no end to the file operations")


@pytest.mark.parametrize("path", [".", ".."])
def test_a_folder_in_the_place_of_a_file_is_an_os_error_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    with pytest.raises(OSError, match="\\[Errno"):
        replace_file(Path(path), b"new")
    assert [entry.name for entry in tmp_path.rglob("*")] == ["folder"]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:7]))
    data = bytes(range(256)) * 4
    write_file(tmp_path / "a", data)
    assert (tmp_path / "a").read_bytes() == data


def test_a_file_or_folder_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "a", b"2")
    (tmp_path / "new").mkdir()
    (tmp_path / "taken").mkdir()
    with pytest.raises(FileExistsError):
        move_folder(tmp_path / "new", tmp_path / "taken")


@pytest.mark.parametrize("supported", [True, False])
def test_macos_syncs_down_to_the_disk_where_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, supported: bool
) -> None:
    calls: list[str] = []
    real = os.fsync

    def control(descriptor: int, command: int) -> None:
        calls.append("full")
        if not supported:
            raise OSError(errno.ENOTSUP, "not supported")

    def plain(descriptor: int) -> None:
        calls.append("plain")
        real(descriptor)

    monkeypatch.setattr(atomic, "_FULL_SYNC", 51)
    monkeypatch.setattr(atomic, "fcntl", SimpleNamespace(fcntl=control))
    monkeypatch.setattr(os, "fsync", plain)
    replace_file(tmp_path / "a", b"new")
    assert calls == (["full"] * 2 if supported else ["full", "plain"] * 2)  # the file and its folder


@pytest.mark.parametrize("name", ["replace", "rename", "unlink"])
@pytest.mark.parametrize(("busy", "attempts"), [(3, 8), (8, 8), (1, 1)])
def test_a_file_that_windows_holds_for_a_moment_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, busy: int, attempts: int
) -> None:
    owner: Any = Path if name == "unlink" else os
    real, calls = getattr(owner, name), list[Any]()

    def held(*paths: Any, **more: Any) -> None:
        calls.append(paths)
        if len(calls) <= busy:
            raise PermissionError(errno.EACCES, "held by a virus scanner")
        real(*paths, **more)

    path, goal, new = tmp_path / "a", tmp_path / "b", tmp_path / "new"
    path.write_bytes(b"old")
    new.mkdir()
    monkeypatch.setattr(atomic, "_BUSY_ATTEMPTS", attempts)
    monkeypatch.setattr(atomic, "_BUSY_WAIT_S", 0.0)
    done: dict[str, Callable[[], object]] = {
        "replace": lambda: replace_file(path, b"new"),
        "rename": lambda: move_folder(new, goal),
        "unlink": lambda: atomic.unlink(path),
    }
    with monkeypatch.context() as patch, suppress(PermissionError) if busy >= attempts else nullcontext():
        patch.setattr(owner, name, held)
        done[name]()
        assert busy < attempts, "in vain"
    left = {"replace": {"a", "new"}, "rename": {"a", "b"}, "unlink": {"new"}}[name] if busy < attempts else {"a", "new"}
    assert {entry.name for entry in tmp_path.iterdir()} == left
    assert not path.exists() or path.read_bytes() == (b"new" if name == "replace" and busy < attempts else b"old")


def test_reading_is_bounded_and_only_of_plain_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert read_file(tmp_path / "a", 100, "It") == b"x" * 100
    with pytest.raises(ModelError, match="larger than the 99 bytes"):
        read_file(tmp_path / "a", 99, "It")
    with pytest.raises(ModelError, match="missing"):
        read_file(tmp_path / "b", 99, "It")
    with pytest.raises(ModelError, match="not a plain file"):
        read_file(tmp_path, 99, "It")

    if hasattr(os, "mkfifo"):  # named pipes are a thing of Unix
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ModelError, match="plain file"):
            read_file(tmp_path / "pipe", 99, "It")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"[" * 100_000, "nested too deep"),
        (b"[" * 20 + b"]" * 20, "nested more than 12"),
        (b'{"a": ' * 12 + b"[1]" + b"}" * 12, "nested more than 12"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"NaN", "not a number"),
        (b'{"a": -Infinity}', "not a number"),
        (b"\xff\xfe", "It is damaged: it holds no text."),
        (b"1" * 5000, "It is damaged: "),
        (b" \n", "It is damaged: it is empty."),
        (b'{"a": 1,\n trailing', "It is damaged: line 2 breaks off or was changed."),
    ],
)
def test_hostile_json_is_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        parse_json(data, "It")


def test_json_may_be_nested_as_deep_as_is_said() -> None:
    assert parse_json(b'[{"a": [[], {}]}]', "It", max_depth=3) == [{"a": [[], {}]}]
    assert parse_json(b"1", "It", max_depth=0) == 1


def test_an_object_is_expected(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"[1]")
    with pytest.raises(ModelError, match="list where an object"):
        read_json(tmp_path / "a", "It")


any_text = st.text(st.characters())  # lone surrogates included
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)


@given(plain)
def test_plain_data_comes_back(value: Any) -> None:
    assert parse_json(to_json(value), "It", max_depth=20) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_a_sentence(data: bytes) -> None:
    try:
        value = parse_json(data, "It")
    except ModelError:
        return
    assert value == json.loads(data)
