"""The command line of `cornerman`; `--help` says which commands there are and what each one does."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from cornerman import __version__
from cornerman.edge.raspberry_pi import NEEDED, to_install

try:
    from cornerman.cli.commands import COMMANDS
    from cornerman.cli.output import prepare_output, sentence_of
    from cornerman.contract import CornermanError
except ModuleNotFoundError as error:  # the plugin's folder alone, beside a Python that nothing was installed for
    if error.name not in NEEDED:
        raise
    sys.exit(
        "\n    ".join([f"cornerman needs {error.name}, which this Python does not have. To install:", *to_install()])
    )


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 on success, 1 with a sentence where it could not be done, 2 for a wrong command line."""
    prepare_output()
    parser = argparse.ArgumentParser(
        prog="cornerman",
        description="Cornerman makes the computer's side of a turn-based battle game learn while the game runs. "
        "The game loads it as a plugin; this command trains, measures and explains it outside of the game.",
    )
    parser.add_argument("--version", action="version", version=f"cornerman {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in COMMANDS.values():
        add(commands)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        commands.choices[options.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    try:
        status = int(options.run(options))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of the output has enough of it, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (CornermanError, OSError) as error:  # OSError: what the system says of a folder or file that was named
        print(f"cornerman {options.command}: {sentence_of(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
