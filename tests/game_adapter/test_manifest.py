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
    ("key", "value"),
    [
        ("name", "7"),
        ("name", '""'),
        ("name", '"' + "x" * 201 + '"'),
        ("name", '"../elsewhere"'),
        ("name", '"two words"'),
        ("version", "1.2"),
        ("summary", "[]"),
        ("api", '"1"'),
        ("api", "true"),
        ("api", "1.0"),
        ("needs", '"numpy"'),
        ("needs", "[1]"),
        ("needs", '["numpy; rm"]'),
        ("wants", '["a-b"]'),
        ("entry", '"sparrow.main"'),
        ("entry", '"other.main:Plugin"'),
        ("entry", '"sparrow.main:Plugin.x"'),
        ("entry", '"sparrow..main:Plugin"'),
    ],
)
def test_wrong_value_is_named_with_its_key(tmp_path: Path, key: str, value: str) -> None:
    sentence = refused(write(tmp_path, **{key: value}))
    assert str(tmp_path / "sparrow" / "plugin.toml") in sentence
    assert re.search(rf"\b{key}\b", sentence)
    assert "must be" in sentence


def test_unknown_key_is_named_beside_the_known_ones(tmp_path: Path) -> None:
    sentence = refused(write(tmp_path, nmae='"sparrow"'))
    assert "unknown keys (nmae)" in sentence
    assert "summary" in sentence


@pytest.mark.parametrize("content", [b"x = [", b"\xff\xfe", b"[plugin]\n" + b"a = " + b"[" * 5000, b"# " * 40_000])
def test_broken_manifest_is_to_be_copied_again(tmp_path: Path, content: bytes) -> None:
    folder = write(tmp_path)
    (folder / "plugin.toml").write_bytes(content)
    sentence = refused(folder)
    assert str(folder / "plugin.toml") in sentence
    assert sentence.endswith("copy the plugin again.")


@pytest.mark.parametrize("content", ["", "plugin = 3", "[plugins]\nname = 'x'"])
def test_manifest_without_its_table_is_refused(tmp_path: Path, content: str) -> None:
    folder = write(tmp_path)
    (folder / "plugin.toml").write_text(content, "utf-8")
    assert "[plugin] table" in refused(folder)


def test_missing_file_and_a_folder_in_its_place_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sparrow").mkdir()
    assert "cannot be read" in refused(tmp_path / "sparrow")
    (tmp_path / "sparrow" / "plugin.toml").mkdir()
    assert "cannot be read" in refused(tmp_path / "sparrow")


@pytest.mark.parametrize(("api", "newer"), [(API_VERSION + 1, "game"), (API_VERSION - 1, "plugin")])
def test_other_api_number_names_both_and_which_side_is_old(tmp_path: Path, api: int, newer: str) -> None:
    sentence = refused(write(tmp_path, api=str(api)))
    assert f"API {API_VERSION}," in sentence
    assert f"speaks {api}:" in sentence
    assert sentence.endswith(f"get a newer {newer}.")


def test_missing_packages_are_named_with_the_command_that_gets_them(tmp_path: Path) -> None:
    sentence = refused(write(tmp_path, needs='["json", "nonsuch_one", "nonsuch_two"]'))
    assert "needs nonsuch_one, nonsuch_two" in sentence
    assert sentence.endswith("pip install nonsuch_one nonsuch_two")
    assert "json" not in sentence, "what is there is not asked for"


def test_renamed_folder_is_refused_with_the_name_that_it_must_have(tmp_path: Path) -> None:
    sentence = refused(write(tmp_path, folder="sparrow_old"))
    assert "'sparrow_old'" in sentence
    assert "must be called 'sparrow', rename it" in sentence
    assert "'package.module:Class'" in refused(write(tmp_path, folder="sparrow-old", entry='"sparrow-old.main:Plugin"'))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("host", ">=2", "needs host >=2, and this is host 1.0: get a newer game"),
        ("host", ">=0.5,<1", "needs host >=0.5,<1, and this is host 1.0: get a newer plugin"),
        ("python", ">=3.99", "needs Python >=3.99, and this is Python 3."),
        ("host", "newest", "host must be a range such as"),
        ("host", 1, "host must be a range such as"),
    ],
)
def test_incompatible_host_or_python_is_refused_with_both_versions(
    tmp_path: Path, key: str, value: object, words: str
) -> None:
    assert words in refused(write(tmp_path, **{key: repr(value)}))


@pytest.mark.parametrize(("key", "value"), [("host", ">=1,<2"), ("host", ">=1.0"), ("python", ">=3.11,<4")])
def test_compatible_host_and_python_are_accepted(tmp_path: Path, key: str, value: str) -> None:
    assert read_manifest(write(tmp_path, **{key: repr(value)})).version == "1.2"


@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_manifest_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("fuzz") / "sparrow"
    folder.mkdir()
    (folder / "plugin.toml").write_bytes(content)
    refused(folder)
