"""The commands of `cornerman`: for each the options with their help, and what runs it; a file a group of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cornerman.cli.commands.authoring import add_check, add_new
from cornerman.cli.commands.battles import add_evaluate, add_ghost
from cornerman.cli.commands.data_folder import add_data, add_export, add_report, add_versions
from cornerman.cli.commands.machine import add_doctor, add_install
from cornerman.cli.commands.options import Subparsers
from cornerman.cli.commands.training import add_train

COMMANDS: Mapping[str, Callable[[Subparsers], None]] = {
    "train": add_train,
    "evaluate": add_evaluate,
    "versions": add_versions,
    "report": add_report,
    "data": add_data,
    "export": add_export,
    "ghost": add_ghost,
    "new": add_new,
    "check": add_check,
    "doctor": add_doctor,
    "install": add_install,
}
"""The functions that add a subcommand, by its name."""
