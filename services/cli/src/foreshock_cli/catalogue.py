"""Every command: its name, what it is for, and where it lives. No command's module is imported here."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import NamedTuple, Protocol, cast


class CommandModule(Protocol):
    """What a module under `commands` offers. PASSES_ON = True: words it does not know are in `args.arguments`."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Describe the command and add its arguments."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Do it; return the exit code. Raises CommandError for what a person can put right."""
        ...


class Command(NamedTuple):
    """One line of `foreshock --help`."""

    name: str
    summary: str


GROUPS: tuple[tuple[str, tuple[Command, ...]], ...] = (
    (
        "run the house",
        (
            Command("demo", "everything on this machine against simulated venues"),
            Command("up", "everything on this machine against the real venues"),
            Command("replay", "recorded frames, or archived streams, again"),
            Command("record", "the venues' frames into files"),
        ),
    ),
    (
        "watch and steer a running house",
        (
            Command("signals", "cascade signals as they come"),
            Command("velocity", "how fast positions of a symbol are liquidated"),
            Command("status", "what runs, how it fares, how far behind it is"),
            Command("config", "get, set and list the configuration of a service"),
            Command("events", "what stands in the event streams"),
            Command("streams", "the event and signal streams into files"),
            Command("archive", "events, metrics and signals into Parquet or PostgreSQL"),
        ),
    ),
    (
        "without a running house",
        (
            Command("normalize", "a venue's frames into canonical liquidations"),
            Command("plugins", "the venues installed here"),
            Command("lab", "generate and describe market scenarios"),
            Command("test", "every check and test of this checkout"),
            Command("bench", "the benchmarks of this checkout"),
        ),
    ),
)
COMMANDS = {command.name: command for _, group in GROUPS for command in group}


def load(name: str) -> CommandModule:
    """Import a command."""
    return cast("CommandModule", import_module(f"foreshock_cli.commands.{name}"))
