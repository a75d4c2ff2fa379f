"""Another Python: it imports this copy of the package, and a program that is no Python is never started again."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from cornerman.contract import CornermanError
from cornerman.files import interpreter


def test_the_process_imports_this_copy_and_gets_what_it_is_given(tmp_path: Path) -> None:
    """The working folder holds another cornerman."""
    (tmp_path / "cornerman").mkdir()
    (tmp_path / "cornerman" / "__init__.py").write_text("raise ImportError('another copy')")
    command = interpreter.command("builtins:print", {"greeting": "hello there"})
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=True, timeout=60
    )
    given = ast.literal_eval(done.stdout)
    assert given["greeting"] == "hello there"
    assert given["folder"] == str(Path(interpreter.__file__).parents[1])


@pytest.mark.parametrize("executable", ["/games/adventure", "C:\\Games\\Adventure.exe", "", None, "frozen"])
def test_a_program_that_is_no_python_is_not_started_again(
    monkeypatch: pytest.MonkeyPatch, executable: str | None
) -> None:
    if executable == "frozen":
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    else:
        monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(CornermanError, match="no Python to start"):
        interpreter.command("cornerman.files.packages:importable", {})
