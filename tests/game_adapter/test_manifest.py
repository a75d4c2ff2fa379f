"""A manifest is read or refused with a sentence that names the file and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_adapter.host.manifest import API_VERSION, ManifestError, read_manifest
from tests.support.paths import ROOT

GOOD = {
    "name": '"sparrow"',
    "version": '"1.2"',
    "api": "1",
    "entry": '"sparrow.main:Plugin"',
    "summary": '"Sings."',
    "needs": '["json"]',
    "wants": '["nonsuch_wanted"]',
}


def write(tmp_path: Path, folder: str = "sparrow", without: str = "", **changes: str) -> Path:
    lines = [f"{key} = {value}" for key, value in {**GOOD, **changes}.items() if key != without]
    path = tmp_path / folder
    path.mkdir(exist_ok=True)
    (path / "plugin.toml").write_text("[plugin]\n" + "\n".join(lines), "utf-8")
    return path


def refused(folder: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        read_manifest(folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_good_manifest_is_read(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path))
    assert (manifest.name, manifest.version, manifest.api) == ("sparrow", "1.2", 1)
    assert (manifest.entry, manifest.package) == ("sparrow.main:Plugin", "sparrow")
    assert (manifest.needs, manifest.folder) == (("json",), tmp_path / "sparrow")
    assert manifest.wants == ("nonsuch_wanted",), "what is only wanted may be missing"


def test_shipped_manifest_needs_no_torch() -> None:
    manifest = read_manifest(ROOT / "plugin" / "cornerman")
    assert manifest.name == "cornerman"
    assert "torch" not in manifest.needs


@pytest.mark.parametrize("key", ["name", "version", "entry", "summary", "api"])
def test_missing_key_is_named(tmp_path: Path, key: str) -> None:
    sentence = refused(write(tmp_path, without=key))
    assert str(tmp_path / "sparrow" / "plugin.toml") in sentence
    assert re.search(rf"\b{key}\b", sentence)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("name", ["7", '""', '"' + "x" * 201 + '"', '"../elsewhere"', '"two words"']),
        ("version", ["1.2"]),
        ("summary", ["[]"]),
        ("api", ['"1"', "true", "1.0"]),
        ("needs", ['"numpy"', "[1]", '["numpy; rm"]']),
        ("wants", ['["a-b"]']),
        ("entry", ['"sparrow.main"', '"other.main:Plugin"', '"sparrow.main:Plugin.x"', '"sparrow..main:Plugin"']),
    ],
)
def test_wrong_value_is_named_with_its_key(tmp_path: Path, key: str, values: list[str]) -> None:
    for value in values:
        sentence = refused(write(tmp_path, **{key: value}))
        assert str(tmp_path / "sparrow" / "plugin.toml") in sentence
        assert re.search(rf"\b{key}\b", sentence)
        assert "must be" in sentence


BROKEN = "copy the plugin again."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x = [", BROKEN),
        (b"\xff\xfe", BROKEN),
        (b"[plugin]\n" + b"a = " + b"[" * 5000, BROKEN),
        (b"# " * 40_000, BROKEN),
        (b"", "[plugin] table"),
        (b"plugin = 3", "[plugin] table"),
        (b"[plugins]\nname = 'x'", "[plugin] table"),
        (None, "cannot be read"),
    ],
)
def test_unreadable_manifest_is_refused_with_its_path(tmp_path: Path, content: bytes | None, words: str) -> None:
    folder = write(tmp_path)
    (folder / "plugin.toml").unlink()
    if content is None:
        assert words in refused(folder), "there is no file"
        (folder / "plugin.toml").mkdir()
    else:
        (folder / "plugin.toml").write_bytes(content)
    sentence = refused(folder)
    assert str(folder / "plugin.toml") in sentence
    assert words in sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nmae": '"sparrow"'}, ["unknown keys (nmae)", "summary"]),
        ({"api": str(API_VERSION + 1)}, [f"API {API_VERSION},", f"speaks {API_VERSION + 1}:", "get a newer game."]),
        ({"api": str(API_VERSION - 1)}, [f"speaks {API_VERSION - 1}:", "get a newer plugin."]),
        (
            {"needs": '["json", "nonsuch_one", "nonsuch_two"]'},
            ["needs nonsuch_one,", "pip install nonsuch_one nonsuch_"],
        ),
        ({"folder": "sparrow_old"}, ["'sparrow_old'", "must be called 'sparrow', rename it"]),
        ({"folder": "sparrow-old", "entry": '"sparrow-old.main:Plugin"'}, ["'package.module:Class'"]),
        ({"host": "'>=2'"}, ["needs host >=2, and this is host 1.0: get a newer game"]),
        ({"host": "'>=0.5,<1'"}, ["needs host >=0.5,<1, and this is host 1.0: get a newer plugin"]),
        ({"python": "'>=3.99'"}, ["needs Python >=3.99, and this is Python 3."]),
        ({"host": "'newest'"}, ["host must be a range such as"]),
        ({"host": "1"}, ["host must be a range such as"]),
    ],
)
def test_unfit_manifest_is_refused_with_what_to_do(tmp_path: Path, changes: dict[str, str], words: list[str]) -> None:
    sentence = refused(write(tmp_path, **changes))
    assert all(part in sentence for part in words), sentence
    assert "json" not in sentence, "what is there is not asked for"


@pytest.mark.parametrize(("key", "value"), [("host", ">=1,<2"), ("host", ">=1.0"), ("python", ">=3.11,<4")])
def test_compatible_host_and_python_are_accepted(tmp_path: Path, key: str, value: str) -> None:
    assert read_manifest(write(tmp_path, **{key: repr(value)})).version == "1.2"


@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_manifest_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("fuzz") / "sparrow"
    folder.mkdir()
    (folder / "plugin.toml").write_bytes(content)
    refused(folder)
