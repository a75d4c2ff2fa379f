"""`cornerman export`: what it writes, what it says, and that the way back is checked like any stranger's model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from cornerman.contract import ModelError
from cornerman.edge.onnx_file import from_onnx, notes_of, to_onnx
from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import import_version
from cornerman.models.manifest import Identity
from cornerman.models.store import Store
from cornerman.policy.policy import Policy
from tests.cli.conftest import Run
from tests.support.duel import Duel
from tests.support.stored_versions import store_versions
from tests.support.table import Table

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
GAME = ["--game", "tests.support.duel:GAME"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Versions 0 and 1 of a game, in a folder of its own in which the command runs; few decisions are enough."""
    store_versions(tmp_path / "data", Duel(), 2)
    monkeypatch.setattr("cornerman.cli.export.LEAST_ROWS", 64)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.fixture
def command(run: Run, data: Path) -> Run:
    """Runs a command on the data folder."""
    return lambda *arguments: run(*arguments, *GAME, "--data", data)


def stored(data: Path, version: int) -> Policy:
    with Store(data, Identity.of(Duel(), Encoder(Duel()))) as store:
        return store.registry.load(version)


LIVE_ONLY = SimpleNamespace(name=Duel().name, version=Duel().version, action_names=Duel().action_names)


def test_game_with_hooks_alone_exports_onnx_and_is_told_what_the_rest_needs(data: Path, run: Run) -> None:
    game = ["--game", "tests.cli.test_export:LIVE_ONLY", "--data", data]
    assert run("export", 1, *game).status == 0
    onnx.checker.check_model(onnx.load_model_from_string(Path("version-1.onnx").read_bytes()), full_check=True)
    for more in ("--int8", "--format=hef-kit"):
        status, _, error = run("export", 1, more, *game)
        assert (status, "offers no headless battles" in error) == (1, True)


def test_onnx_says_what_goes_in_and_out_and_comes_back_bit_for_bit(data: Path, command: Run) -> None:
    status, _, warning = command("export", 1)
    assert (status, "version-1 has learned nothing" in warning) == (0, True)
    content, encoder = Path("version-1.onnx").read_bytes(), Encoder(Duel())
    onnx.checker.check_model(onnx.load_model_from_string(content), full_check=True)
    notes = notes_of(content, "it")
    assert (notes["game"], notes["version"]) == (Duel().name, "1")
    assert json.loads(notes["action_names"]) == list(Duel().action_names)
    layout = json.loads(notes["encoder"])
    assert (layout["version"], layout["features"]) == (encoder.version, list(encoder.feature_names))
    status, text, _ = command("versions", "import", "version-1.onnx")
    assert (status, "Version 2 was imported and has played a smoke battle" in text) == (0, True)
    assert stored(data, 2).flat.tobytes() == stored(data, 1).flat.tobytes()


def damaged(content: bytes, policy: Policy) -> bytes:
    at = content.index(policy.to_arrays()["hidden0.weight"].tobytes())
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def of_another_game(content: bytes, policy: Policy) -> bytes:
    notes = notes_of(content, "it")
    return to_onnx(policy, notes | {"manifest": notes["manifest"].replace(f'"{Duel().name}"', '"chess"')})


def without_manifest(content: bytes, policy: Policy) -> bytes:
    return to_onnx(policy, {"format": "cornerman 1"})


def long_manifest(content: bytes, policy: Policy) -> bytes:
    return to_onnx(policy, {"format": "cornerman 1", "manifest": f"[{'[],' * 2**21}[]]"})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (damaged, "damaged"),
        (of_another_game, "'chess'"),
        (without_manifest, "no ONNX file that this Cornerman exported"),
        (long_manifest, "allowed"),
        (lambda content, policy: b"no model", "no ONNX file"),
        (lambda content, policy: b"", "no ONNX file that this Cornerman exported"),
    ],
    ids=["damaged", "another game", "no manifest", "long manifest", "no ONNX", "empty"],
)
def test_import_refuses_other_onnx_files_with_the_reason(
    data: Path, command: Run, change: Callable[[bytes, Policy], bytes], says: str
) -> None:
    command("export", 1)
    path = Path("version-1.onnx")
    path.write_bytes(change(path.read_bytes(), stored(data, 1)))
    status, _, text = command("versions", "import", path)
    assert status == 1
    assert says in text
    with Store(data, Identity.of(Duel(), Encoder(Duel()))) as store:
        assert store.registry.numbers() == [0, 1]


def test_int8_says_what_it_costs_and_is_not_imported(data: Path, command: Run) -> None:
    status, text, _ = command("export", 1, "small.onnx", "--int8")
    assert status == 0
    lines = text.splitlines()
    assert "of self-play, as too few are recorded" in lines[0]
    assert "other decisions" in lines[1]
    assert "side-swapped pairs" in lines[2]
    assert "The gate: Kept the champion" in lines[2]
    with (
        Store(data, Identity.of(Duel(), Encoder(Duel())), who="the test") as store,
        pytest.raises(ModelError, match="int8"),
    ):
        import_version(store.registry, Identity.of(Duel(), Encoder(Duel())), Path("small.onnx"))


def test_hef_kit_is_a_folder_and_wrong_input_a_sentence(data: Path, command: Run) -> None:
    with Table(Duel(), data, learning=False) as table:
        table.play(64, settle=True)
    status, text, _ = command("export", 0, "--format", "hef-kit")
    assert status == 0
    assert "Not run on hardware" in text
    assert "of recorded battles" in Path("version-0-hef-kit/README.md").read_text("utf-8")
    model = next(Path("version-0-hef-kit").glob("version_0_*.onnx"))
    with pytest.raises(ModelError, match="damaged"):
        from_onnx(model.read_bytes(), stored(data, 0).spec, "The file")
    for arguments, says in (
        (["export", "7"], "there is no version 7; there are 0, 1"),
        (["export", "0", "--format", "hef-kit", "--int8"], "leave out --int8"),
        (["export", "0", "missing/it.onnx"], "cannot be written"),
        (["export", "0", "it.zip"], "an ONNX file's name ends in .onnx, and it.zip does not"),
        (["export", "0", "it", "--int8"], "an ONNX file's name ends in .onnx, and it does not"),
        (["export", "0", str(model), "--format", "hef-kit"], "cannot be made"),
    ):
        status, _, text = command(*arguments)
        assert status == 1
        assert says in text


def test_export_without_the_packages_says_what_to_install(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    status, _, text = command("export", 0)
    assert status == 1
    assert "pip install onnx onnxruntime" in text
