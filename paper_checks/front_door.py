"""The command `information-transfer`: one door to all command lines of the project.

Rooms are imported when their command is asked for, so that help costs nothing.
"""

import importlib
import sys
from collections.abc import Sequence

# Command: its module, the words that its `main` gets before the others, what it does.
COMMANDS = {
    "verify": ("paper_checks.__main__", [], "measure claims, and compare the verdicts"),
    "report": ("paper_checks.report.__main__", [], "write the report as web pages"),
    "check": ("theory.check", [], "check certificates in exact arithmetic"),
    "advise": ("simulations.__main__", ["advise"], "say which tasks help each other"),
    "group": ("simulations.__main__", ["group"], "choose groups from scores of tasks"),
    "sweep": ("simulations.__main__", [], "run a study, go on with it, or export it"),
    "figures": ("figures.__main__", [], "draw saved studies"),
}
HELP = ("-h", "--help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `information-transfer COMMAND ...`; 2 for a command that there is not."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in HELP:
        print(_usage())
        return 0 if words else 2
    if words[0] not in COMMANDS:
        print(
            f"information-transfer: no command '{words[0]}'\n{_usage()}",
            file=sys.stderr,
        )
        return 2
    module, first, _ = COMMANDS[words[0]]
    return importlib.import_module(module).main([*first, *words[1:]])


def _usage() -> str:
    lines = [f"  {name:<8}  {text}" for name, (_, _, text) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: information-transfer COMMAND [--help] ...",
            "",
            *lines,
            "",
            "Options of a command: information-transfer COMMAND --help",
        ]
    )
