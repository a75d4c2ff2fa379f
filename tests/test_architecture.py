"""Architecture: allowed imports between rooms, sizes of files and functions, and what must not be in the tree.

`ROOMS` is the architecture diagram of the plugin, `GAME_ROOMS` that of the games' side.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "plugin" / "cornerman"
GAME_SIDE = ROOT / "game_adapter"
HOST = GAME_SIDE / "host"
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS = 400, 60, 8
MAX_FUNCTION_LINES_IN_THE_PLUGIN, MAX_90TH_PERCENTILE = 40, 18


# A room -> the rooms it may import; contract.py, settings.py and the room itself are open to all of them.
ROOMS: dict[str, set[str]] = {
    "files": set(),
    "policy": set(),
    "edge": {"files", "policy"},
    "experience": {"files"},
    "evaluation": {"experience", "policy"},
    "opponent": {"experience", "files", "policy"},
    "learning": {"experience", "files", "policy"},
    "models": {"edge", "evaluation", "experience", "files", "policy"},
    "search": {"evaluation", "experience", "opponent", "policy"},
    "selfplay": {"evaluation", "experience", "files", "learning", "opponent", "policy", "search"},
    "training": {
        *("edge", "evaluation", "experience", "files", "learning", "models", "opponent", "policy", "search"),
        "selfplay",
    },
    "panel": {"evaluation", "experience", "files", "models", "opponent", "policy"},
    "decisions": {"edge", "evaluation", "experience", "panel", "policy", "search", "training"},
    "plugin": {
        *(
            "decisions",
            "edge",
            "evaluation",
            "experience",
            "files",
            "models",
            "opponent",
            "panel",
            "policy",
            "search",
            "selfplay",
        ),
        "training",
    },
    "cli": {
        *("edge", "evaluation", "experience", "files", "learning", "models", "opponent", "policy", "selfplay"),
        "training",
    },
}
GAME_ROOMS: dict[str, set[str]] = {
    "host": set(),
    "ringside": {"ringside.batched"},
    "ringside.batched": {"ringside"},
    "ringside.drawing": {"ringside"},
    "ringside.screens": {"host", "ringside", "ringside.drawing"},
    "": {"host", "ringside", "ringside.screens"},
}
"""The same for game_adapter; "ringside" are the scalar rules, which offer the batched ones."""
WITHOUT_PYGAME = {"host", "ringside", "ringside.batched"}
OPEN_TO_ALL = {"contract", "settings", "__init__"}
MAX_FILES_IN_A_ROOM = 12
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

MAY_NEED_TORCH = ("learning.accelerator",)
"""Where torch may be imported at module level, or by what is imported there."""


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Of a file's syntax tree."""
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


@cache
def imports(path: Path, *, lazily: bool = True, types: bool = False) -> set[str]:
    """Dotted names that a file imports; not `lazily`: only what runs at its import; `types`: for type checking too."""
    skipped: set[ast.AST] = set()
    for node in nodes(path):
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if (typing_only and not types) or (not lazily and isinstance(node, FUNCTIONS)):
            skipped.update(child for child in ast.walk(node) if child is not node)
    found: set[str] = set()
    for node in nodes(path):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                assert (path.parent, node.level) == (HOST, 1), f"{path.name}: relative import"
                module = f"game_adapter.host.{module}"
            ours = module.split(".")[0] in ("cornerman", "game_adapter")
            found.update(f"{module}.{alias.name}" for alias in node.names if ours)
            found.add(module)
    return found


def root_of(path: Path) -> Path:
    return PACKAGE if path.is_relative_to(PACKAGE) else GAME_SIDE


def module_of(path: Path) -> str:
    """Dotted name inside its package: "training.bulk.loop"; a folder's `__init__` has the folder's name."""
    parts = path.relative_to(root_of(path)).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def room_of(path: Path) -> str:
    """Of the plugin the first folder, of the games' side the whole folder as a dotted name; "" beside the folders."""
    if root_of(path) == PACKAGE:
        return module_of(path).split(".")[0]
    folder = path.with_suffix("") if path.with_suffix("").is_dir() else path.parent
    return ".".join(folder.relative_to(GAME_SIDE).parts)


@cache
def imported_modules(path: Path) -> set[str]:
    """Modules of the same package that a file imports anywhere, for types too."""
    root = root_of(path)
    names = {name.removeprefix(f"{root.name}.") for name in imports(path, types=True)}
    return (names & modules(root)) - {module_of(path)}


@cache
def modules(root: Path) -> set[str]:
    return {module_of(each) for each in root.rglob("*.py")}


def cycle(arrows: dict[str, set[str]]) -> list[str]:
    """The nodes that stand in a circle of arrows or lead only into one; empty where there is none."""
    left = {node: needs & set(arrows) for node, needs in arrows.items()}
    while free := [node for node, needs in left.items() if not needs & set(left)]:
        for node in free:
            del left[node]
    return sorted(left)


def test_files_lie_in_rooms() -> None:
    top = {path.name for path in PACKAGE.iterdir() if path.suffix == ".py"}
    assert top == {"__init__.py", "__main__.py", "contract.py", "decisions.py", "plugin.py", "settings.py"}
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(ROOMS) - {"plugin", "decisions"}


def test_no_room_is_crowded() -> None:
    counts = Counter(path.parent for path in sources("plugin", "game_adapter"))
    assert [folder for folder, count in counts.items() if count > MAX_FILES_IN_A_ROOM] == []


def test_arrows_go_one_way() -> None:
    for path in sources("plugin/cornerman"):
        if (room := room_of(path)) in ROOMS:
            reached = {module.split(".")[0] for module in imported_modules(path)} - OPEN_TO_ALL - {room}
            assert reached <= ROOMS[room], path


def test_no_circle_between_rooms_or_files() -> None:
    assert cycle(ROOMS) == []
    assert cycle({module_of(path): imported_modules(path) for path in sources("plugin/cornerman")}) == []
    assert cycle({module_of(path): imported_modules(path) for path in sources("game_adapter")}) == []
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"], "the search finds a circle"


def test_the_diagram_in_the_documents_is_this_one() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| ((?:`[\w.]+`(?:, )?)+|nothing) \|$", text, re.MULTILINE)
    drawn = {room: set(re.findall(r"`([\w.]+)`", needs)) for room, needs in rows}
    assert drawn == {room or ".": needs for room, needs in {**ROOMS, **GAME_ROOMS}.items()}


def test_the_plugin_knows_no_game() -> None:
    for path in sources("plugin/cornerman"):
        assert not any(name.split(".")[0] == "game_adapter" for name in imports(path)), path
        assert "ringside" not in path.read_text("utf-8").lower(), path


def test_arrows_of_the_games_side_go_one_way_and_none_to_the_plugin() -> None:
    for path in sources("game_adapter"):
        room = room_of(path)
        reached = {room_of(GAME_SIDE / f"{module.replace('.', '/')}.py") for module in imported_modules(path)}
        assert reached - {room} <= GAME_ROOMS[room], path
        outside = {name.split(".")[0] for name in imports(path)}
        assert "cornerman" not in outside, path
        assert room not in WITHOUT_PYGAME or "pygame" not in outside, path


def test_the_host_needs_only_the_standard_library() -> None:
    """It is copied into games under any name, without the rest of this repository."""
    for path in sources("game_adapter/host"):
        outside = {name.split(".")[0] for name in imports(path)} - {"game_adapter", ""}
        assert outside <= set(sys.stdlib_module_names), path.name
        assert "game_adapter" not in path.read_text("utf-8"), path.name


def test_only_the_overlay_draws_and_lazily() -> None:
    for path in sources("plugin/cornerman"):
        assert "pygame" not in imports(path, lazily=room_of(path) != "panel"), path


def test_playing_needs_no_torch() -> None:
    modules = {module_of(path) for path in sources("plugin/cornerman")} - {"__init__", "__main__"}
    free = ", ".join(f"cornerman.{module}" for module in sorted(modules) if not module.startswith(MAY_NEED_TORCH))
    heavy = {"torch", "numba", "pygame", "onnx", "onnxruntime"}
    code = f"import sys, {free}; assert not {heavy} & set(sys.modules), 'heavy import'"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


PUBLIC_ALL_THE_SAME = {"_replace", "_asdict", "_fields", "_exit"}


def test_tests_use_what_is_public_and_import_no_other_test() -> None:
    for path in sources("tests"):
        own = {node.name for node in nodes(path) if isinstance(node, ast.FunctionDef)} | PUBLIC_ALL_THE_SAME
        own |= {node.attr for node in nodes(path) if isinstance(node, ast.Attribute) and _of_self(node)}
        for node in nodes(path):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
                assert node.attr in own, f"{path}, line {node.lineno}: {ast.unparse(node)}"
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
                assert not (node.module or "").split(".")[-1].startswith("test_"), f"{path}: {node.module}"


def _of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


TORCH_IN_TESTS = (
    *("tests/support/accelerator.py", "tests/support/naive_learning.py"),
    *("tests/benchmarks/", "tests/torture/", "tests/studies/"),
)
"""Imported by pytest.importorskip; benchmarks and torture run with all extras."""


def test_suite_is_collected_without_torch() -> None:
    for path in sources("tests"):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(TORCH_IN_TESTS):
            assert "torch" not in {found.split(".")[0] for found in imports(path, lazily=False)}, name


def test_sizes() -> None:
    for path in sources("plugin", "game_adapter", "tests", "assets", "examples"):
        assert len(path.read_text("utf-8").splitlines()) <= MAX_FILE_LINES, path
        longest = MAX_FUNCTION_LINES_IN_THE_PLUGIN if path.is_relative_to(PACKAGE) else MAX_FUNCTION_LINES
        for node in nodes(path):
            if isinstance(node, FUNCTIONS):
                assert (node.end_lineno or 0) - node.lineno + 1 <= longest, f"{path}: {node.name}"
                arguments = node.args
                named = len(arguments.posonlyargs + arguments.args + arguments.kwonlyargs)
                named -= bool(arguments.args) and arguments.args[0].arg in ("self", "cls")
                assert named <= MAX_PARAMETERS, f"{path}: {node.name} takes {named} parameters"


def test_nine_of_ten_functions_are_short() -> None:
    functions = [node for path in sources("plugin/cornerman") for node in nodes(path) if isinstance(node, FUNCTIONS)]
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for node in functions)
    assert lengths[len(lengths) * 9 // 10] <= MAX_90TH_PERCENTILE


def test_nothing_unpickles() -> None:
    for path in sources("plugin", "game_adapter"):
        assert not imports(path) & {"pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}, path
        for node in nodes(path):
            if isinstance(node, ast.Call):
                call = ast.unparse(node.func)
                assert call not in {"torch.load", "torch.save", "eval", "exec"}, f"{path}: {call}"
                if call in {"np.load", "numpy.load"}:
                    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                    assert keywords.get("allow_pickle") == "False", f"np.load without allow_pickle=False in {path}"


def test_the_versions_agree() -> None:
    """One version number: in the package, where the project file reads it, in its manifest and in the list of changes;
    one API number on both sides."""
    import tomllib

    import cornerman
    from cornerman import contract
    from game_adapter.host import manifest

    table = tomllib.loads((ROOT / "plugin/cornerman/plugin.toml").read_text("utf-8"))["plugin"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["tool"]["hatch"]["version"]["path"] == "plugin/cornerman/__init__.py"
    newest = (ROOT / "CHANGELOG.md").read_text("utf-8").partition("\n## ")[2].partition(",")[0]
    assert cornerman.__version__ == table["version"] == newest
    assert contract.API_VERSION == manifest.API_VERSION == table["api"]


def test_importing_cornerman_is_light() -> None:
    code = (
        "import sys, time; start = time.process_time(); import cornerman;"
        "assert time.process_time() - start < 0.1, 'slow import';"
        "assert not {'torch', 'numba', 'pygame', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
