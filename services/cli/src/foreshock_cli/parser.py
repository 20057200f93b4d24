"""The command line's grammar. Only the command that is called gets its arguments: the rest costs nothing."""

from __future__ import annotations

import argparse
import math
import shutil
from collections.abc import Sequence
from textwrap import fill

from foreshock_cli import __version__
from foreshock_cli.catalogue import COMMANDS, GROUPS, CommandModule, load
from foreshock_cli.exits import Exit, usage_error

WIDEST = 100
EXIT_WORDS = {
    Exit.OK: "it worked",
    Exit.FAILED: "it failed; what and why is on stderr",
    Exit.USAGE: "the command line makes no sense",
    Exit.UNREACHABLE: "something it needs is not there (Redis, a service, a file)",
    Exit.INTERRUPTED: "stopped by Ctrl-C",
}


class Help(argparse.RawDescriptionHelpFormatter):
    """Help of at most 100 columns: paragraphs are filled, those with indented lines stay as they are."""

    def __init__(self, prog: str) -> None:
        width = min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
        super().__init__(prog, max_help_position=30, width=width - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        return "\n\n".join(
            each if "\n  " in each else fill(each, width, initial_indent=indent, break_on_hyphens=False)
            for each in paragraphs
        )


def parse(argv: Sequence[str]) -> tuple[CommandModule, argparse.Namespace]:
    """Read a command line. Raises CommandError for a command that does not exist, SystemExit as argparse does."""
    name, *words = argv or [""]
    if not name or name.startswith("-"):
        top = parser()
        top.parse_args(argv)
        top.error("a command is needed; `foreshock --help` lists them")
    if name not in COMMANDS:
        raise usage_error(f"there is no command {name!r}", hint=_suggestion(name))
    module = load(name)
    sub = argparse.ArgumentParser(prog=f"foreshock {name}", formatter_class=Help, allow_abbrev=False)
    module.configure(sub)
    if getattr(module, "PASSES_ON", False):
        args, unknown = sub.parse_known_args(words)
        args.arguments = unknown
        return module, args
    try:
        return module, sub.parse_intermixed_args(words)
    except TypeError:  # argparse's answer for a parser with actions of its own: those cannot be mixed
        return module, sub.parse_args(words)


def parser() -> argparse.ArgumentParser:
    """Return the parser for a command line without a command."""
    made = argparse.ArgumentParser(
        prog="foreshock",
        usage="foreshock COMMAND [options]",
        description="Warns of liquidation cascades on crypto perpetual futures.\n\n" + _listing(),
        epilog="`foreshock COMMAND --help` says more and shows an example.\n\n" + exit_codes(),
        formatter_class=Help,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"foreshock {__version__}")
    return made


def describe(parser: argparse.ArgumentParser, text: str, *, example: str, failed: str = "") -> None:
    """Give a command its description, one example (may have several lines) and its exit codes."""
    parser.description = text
    indented = "\n".join(f"  {line}" for line in example.splitlines())
    parser.epilog = f"example:\n{indented}\n\n{exit_codes(failed)}"


def exit_codes(failed: str = "") -> str:
    """Return the paragraph on exit codes; `failed` says what 1 means here."""
    words = {**EXIT_WORDS, **({Exit.FAILED: failed} if failed else {})}
    return "exit codes:\n" + "\n".join(f"  {code:>3}  {text}" for code, text in words.items())


def add_json(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help=what)


def add_redis(parser: argparse.ArgumentParser) -> None:
    """Add `--redis` for commands that look at a running house."""
    parser.add_argument(
        "--redis",
        metavar="URL",
        help="where the house's Redis is (default: FORESHOCK_REDIS_URL, then REDIS_URL, then the house that "
        "runs on this machine)",
    )


def add_address(parser: argparse.ArgumentParser, action: str = "store") -> None:
    """Add `--address` and `--token-file` for commands that talk to the services' controls."""
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        action=action,
        help="where a service's control listens (a forwarded port, for one); no Redis is asked for it",
    )
    parser.add_argument("--token-file", metavar="FILE", help="bearer token (default: FORESHOCK_CONTROL_TOKEN_FILE)")


def positive(text: str) -> int:
    """Read a whole number from 1 up."""
    return _whole(text, 1)


def natural(text: str) -> int:
    """Read a whole number from 0 up."""
    return _whole(text, 0)


def seconds(text: str) -> float:
    """Read a duration in seconds, more than zero and finite."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration in seconds")
    return value


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
    return int(text)


def _listing() -> str:
    lines = []
    for title, group in GROUPS:
        lines.append(f"{title}:")
        lines += [f"  {command.name:<11}{command.summary}" for command in group]
        lines.append("")
    return "\n".join(lines).rstrip()


def _suggestion(called: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a typo pays for it

    near = get_close_matches(called, COMMANDS, n=1)
    return f"did you mean `foreshock {near[0]}`?" if near else "`foreshock --help` lists them"
