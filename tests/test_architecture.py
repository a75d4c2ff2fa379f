"""The house: who may import whom, how long files and functions may be, and what must not stand in the tree.

`ALLOWED` is the architecture diagram. A new file must be put into it before the suite is green.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS = 400, 60, 8


def rooms(*names: str) -> set[str]:
    """Names with spaces between them as a set, for the longer lists."""
    return set(" ".join(names).split())


# Inside cornerman: a room -> the rooms it may import (contract and settings are open to all of them).
ROOMS: dict[str, set[str]] = {
    "__init__": set(),
    "contract": set(),
    "settings": set(),
    # what was seen: states to rows
    "encoder": set(),
    "rewards": set(),
    "recorder": {"encoder", "rewards"},
    "news": {"encoder", "recorder"},
    "rows": {"encoder"},
    "nstep": {"rows"},
    "replay": {"nstep", "rows"},
    "collector": {"encoder", "replay", "rows"},
    # files
    "disk": set(),
    "append_file": set(),
    "array_file": {"disk"},
    "segment": {"disk", "rows"},
    "journal": {"append_file", "disk", "rows", "segment"},
    "dataset": {"disk", "rows", "segment"},
    "quality": {"disk"},
    "resume_file": {"array_file", "disk"},
    # the network, what plays and what learns
    "network": set(),
    "policy_batch": set(),
    "policy": {"network", "policy_batch"},
    "lineage": {"policy"},
    "td": {"network"},
    "graph_burst": {"td"},
    "learner": {"graph_burst", "network", "td"},
    "hardware": {"learner", "network"},
    # judging
    "evaluation": {"encoder"},
    "held_out": {"policy", "rows"},
    "memory": {"held_out", "journal", "nstep", "replay", "safekeeping"},
    "paired_test": set(),
    "gate": {"evaluation", "held_out", "paired_test", "policy"},
    "live_watch": {"paired_test"},
    "live_battles": set(),
    "chronicle": {"gate", "history", "live_battles", "live_watch", "version_manifest"},
    "loan": {"champion_line", "registry", "stored_weights", "switches"},
    "stored_champions": {"lineage", "network", "policy", "registry", "version_manifest"},
    "ratings": set(),
    "history": {"gate", "ratings", "version_manifest"},
    # versions on disk
    "version_manifest": {"network"},
    "champion_line": {"disk"},
    "stored_weights": {"array_file", "disk", "policy", "version_manifest"},
    "registry": {
        "array_file",
        "champion_line",
        "disk",
        "network",
        "policy",
        "resume_file",
        "stored_weights",
        "version_manifest",
    },
    "family_tree": {"ratings", "registry"},
    "exchange": {"disk", "evaluation", "registry", "stored_weights", "version_manifest"},
    # the pipeline and its thread
    "metrics": set(),
    "sparring": {"encoder", "evaluation", "policy", "recorder", "rewards"},
    "safekeeping": {"journal", "segment", "sparring"},
    "judging": {"encoder", "gate", "held_out", "lineage", "policy"},
    "continuation": {"policy"},
    "training": {
        "chronicle",
        "continuation",
        "encoder",
        "evaluation",
        "gate",
        "judging",
        "learner",
        "lineage",
        "live_battles",
        "memory",
        "metrics",
        "network",
        "paced_burst",
        "policy",
        "registry",
        "rewards",
        "safekeeping",
        "sparring",
        "stored_champions",
        "version_manifest",
    },
    "paced_burst": {"metrics", "network", "replay"},
    "starvation": set(),
    "governor": {"hardware", "starvation"},
    "farewell": set(),
    "scalar_battles": {"encoder", "evaluation", "rewards"},
    "selfplay": {"rows"},
    # bulk training over processes
    "games": set(),
    "nstep_batch": {"rows"},
    "league": set(),
    "worker": rooms(
        "array_file device_actor encoder evaluation games gate league network nstep_batch policy",
        "scalar_battles selfplay",
    ),
    "device_actor": {"hardware", "network", "policy", "policy_batch", "td"},
    "device_replay": {"device_actor", "hardware", "network", "replay", "rows"},
    "crew": {"worker"},
    "ray_crew": {"crew", "games", "worker"},
    "rotation": {"crew", "worker"},
    "anchors": {"league", "ratings"},
    "board": set(),
    "candidacy": rooms(
        "anchors chronicle crew evaluation gate history league lineage network policy registry rotation",
        "version_manifest",
    ),
    "overnight": rooms(
        "anchors candidacy crew device_replay evaluation hardware league learner lineage registry replay",
        "resume_file rotation worker",
    ),
    "overnight_report": {"encoder", "evaluation", "lineage", "ratings"},
    "trainer": {"farewell", "governor", "metrics"},
    # what a person sees
    "difficulty": set(),
    "report": {"difficulty", "evaluation"},
    "panel_words": set(),
    "overlay": {"panel_words"},
    "forgetting": {"history", "journal"},
    "switches": {"difficulty", "disk"},
    "controls": {"difficulty", "forgetting", "stored_champions"},
    # the composition root, and the command line
    "imports": {"exchange", "version_manifest"},
    "preparation": {"hardware", "learner", "training"},
    "plugin": {
        "controls",
        "data_lock",
        "difficulty",
        "encoder",
        "evaluation",
        "governor",
        "hardware",
        "imports",
        "journal",
        "lineage",
        "loan",
        "live_battles",
        "metrics",
        "network",
        "overlay",
        "policy",
        "quality",
        "recorder",
        "news",
        "preparation",
        "registry",
        "report",
        "rewards",
        "safekeeping",
        "segment",
        "stored_champions",
        "switches",
        "trainer",
        "training",
        "version_manifest",
    },
    "bulk": rooms(
        "board device_actor device_replay hardware learner overnight overnight_report plugin ray_crew worker"
    ),
    "doctor": {"hardware", "quality", "stored_weights"},
    "data_lock": {"disk"},
    "versions_command": {
        "data_lock",
        "encoder",
        "exchange",
        "family_tree",
        "history",
        "network",
        "ratings",
        "registry",
        "stored_weights",
        "version_manifest",
    },
    "data_command": {
        "data_lock",
        "dataset",
        "disk",
        "journal",
        "quality",
        "rows",
        "safekeeping",
        "segment",
        "sparring",
        "version_manifest",
    },
    "commands": {
        "bulk",
        "data_command",
        "doctor",
        "encoder",
        "evaluation",
        "games",
        "network",
        "registry",
        "version_manifest",
        "versions_command",
    },
    "__main__": {"commands"},
}

NEEDS_TORCH = {"device_actor", "device_replay", "graph_burst", "learner", "overnight", "preparation", "td", "training"}
TORCH_FREE = set(ROOMS) - NEEDS_TORCH - {"__main__"}


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path, *, lazily: bool = True) -> set[str]:
    """Dotted names that a file imports; `lazily=False`: only those that run when the file is imported."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if typing_only or (not lazily and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            skipped.update(child for child in ast.walk(node) if child is not node)
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            module = node.module or ""
            found.update(f"{module}.{alias.name}" for alias in node.names if module in ("cornerman", "game_adapter"))
            found.add(module)
    return found


def room_of(path: Path) -> str:
    return path.stem


def test_every_room_is_on_the_map() -> None:
    rooms = {room_of(path) for path in sources("plugin/cornerman")}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize("path", sources("plugin/cornerman"), ids=room_of)
def test_imports_go_one_way(path: Path) -> None:
    inside = {name.split(".")[1] for name in imports(path) if name.startswith("cornerman.")} - {"__version__"}
    assert inside <= ROOMS[room_of(path)] | {"contract", "settings"}


def test_the_map_has_no_cycle() -> None:
    reached: set[str] = set()
    left = {room: set(needs) for room, needs in ROOMS.items()}
    while left:
        free = [room for room, needs in left.items() if needs <= reached]
        assert free, f"a cycle among {sorted(left)}"
        for room in free:
            reached.add(room)
            del left[room]


@pytest.mark.parametrize("path", sources("plugin/cornerman"), ids=room_of)
def test_the_plugin_knows_no_game(path: Path) -> None:
    assert not any(name.split(".")[0] == "game_adapter" for name in imports(path))
    assert "ringside" not in path.read_text("utf-8").lower()


@pytest.mark.parametrize("path", sources("game_adapter"), ids=lambda path: path.stem)
def test_the_game_never_imports_the_plugin(path: Path) -> None:
    assert not any(name.split(".")[0] == "cornerman" for name in imports(path))


RULES = {
    "assets",
    "battle",
    "encoding",
    "game",
    "lineups",
    "opponents",
    "roster",
    "vector_battle",
    "vector_chance",
    "vector_encoding",
    "vector_opponents",
}


@pytest.mark.parametrize("room", sorted(RULES))
def test_rules_do_not_draw(room: str) -> None:
    path = ROOT / "game_adapter" / "ringside" / f"{room}.py"
    if not path.is_file():
        pytest.fail(f"{room}.py is on the map, but not in the tree")
    assert not any(name.split(".")[0] == "pygame" for name in imports(path))


@pytest.mark.parametrize("path", sources("plugin/cornerman"), ids=room_of)
def test_only_the_overlay_draws_and_lazily(path: Path) -> None:
    assert "pygame" not in imports(path, lazily=room_of(path) != "overlay")


def test_playing_needs_no_torch() -> None:
    rooms = ", ".join(f"cornerman.{room}" for room in sorted(TORCH_FREE - {"__init__"}))
    code = f"import sys, {rooms}; assert not {{'torch', 'pygame'}} & set(sys.modules), 'heavy import'"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("path", sources("plugin", "game_adapter", "tests", "assets"), ids=str)
def test_sizes(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= MAX_FUNCTION_LINES, node.name
            arguments = node.args
            named = len(arguments.posonlyargs + arguments.args + arguments.kwonlyargs)
            named -= bool(arguments.args) and arguments.args[0].arg in ("self", "cls")
            assert named <= MAX_PARAMETERS, f"{node.name} takes {named} parameters"


@pytest.mark.parametrize("path", sources("plugin", "game_adapter"), ids=str)
def test_nothing_unpickles(path: Path) -> None:
    names = imports(path)
    assert not names & {"pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            assert call not in {"torch.load", "torch.save", "eval", "exec"}, call
            if call in {"np.load", "numpy.load"}:
                keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert keywords.get("allow_pickle") == "False", f"np.load without allow_pickle=False in {path.name}"


def test_the_versions_agree() -> None:
    """One version number: in the package, in its manifest and in the project file; one API number on both sides."""
    import tomllib

    import cornerman
    from cornerman import contract
    from game_adapter import manifest

    table = tomllib.loads((ROOT / "plugin/cornerman/plugin.toml").read_text("utf-8"))["plugin"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert cornerman.__version__ == table["version"] == project["version"]
    assert contract.API_VERSION == manifest.API_VERSION == table["api"]


def test_importing_cornerman_is_light() -> None:
    code = (
        "import sys, time; start = time.process_time(); import cornerman;"
        "assert time.process_time() - start < 0.1, 'slow import';"
        "assert not {'torch', 'pygame', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
