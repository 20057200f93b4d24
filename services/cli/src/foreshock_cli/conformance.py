"""The conformance suite on one plugin, as a process of its own: `python -m foreshock_cli.conformance`.

It is foreign code: it gets a clean environment from its parent (`checking`), bounds of memory, processor time and
files from itself, and may neither connect anywhere nor start anything. stdout is one JSON object.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import msgspec

from foreshock_runtime.clock import thread_waits
from foreshock_sdk.connector import Connector
from foreshock_sdk.contract import ConnectorContract
from foreshock_sdk.probing import NOW_MS, Probe, demand, offers
from foreshock_sdk.simulation import VenueScript

MEMORY_BYTES = 4 << 30
CPU_SECONDS = 120
RULE_SECONDS = 30.0
"""By the wall: a rule takes a fraction of a second."""
OPEN_FILES = 256
BUDGET_MS = 5.0
"""What a frame may cost on average; feeds disables a route whose decoder is slower."""
TIMED_FRAMES = 2_000
LONGEST_SECONDS = 2.0
FORBIDDEN = frozenset({
    *("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"),
})  # fmt: skip


class NoEnd(BaseException):
    """A rule took too long; no Exception, so that no decoder takes it for its own."""


class Rule(msgspec.Struct, frozen=True):
    """One rule on one venue: complaint is None when it is kept."""

    venue: str
    rule: str
    complaint: str | None = None


class Report(msgspec.Struct, frozen=True):
    """What the suite found."""

    plugin: str
    rules: list[Rule]

    @property
    def broken(self) -> list[Rule]:
        """The rules that are not kept."""
        return [rule for rule in self.rules if rule.complaint is not None]


def check(name: str, plugin: Any) -> Report:
    """Run every rule on every venue of a plugin, a module or object with hooks."""
    rules: list[Rule] = []
    try:
        connectors: Sequence[Connector] = plugin.foreshock_connectors()
        scripts = {script.venue: script for script in plugin.foreshock_simulations()}
        samples: Mapping[str, Sequence[str]] = getattr(plugin, "foreshock_samples", dict)()
    except Exception as error:  # noqa: BLE001 - foreign code
        return Report(name, [Rule("", "the_hooks_answer", _words(error))])
    if not connectors:
        rules.append(Rule("", "the_hooks_answer", "there is no connector"))
    for connector in connectors:
        if connector.venue not in scripts:
            rules.append(
                Rule(connector.venue, "there_is_a_simulated_venue", "foreshock_simulations returns none for it")
            )
            continue
        rules += _check_venue(connector, _maker(plugin, connector.venue), samples.get(connector.venue, ()))
    return Report(name, rules)


def _maker(plugin: Any, venue: str) -> Callable[[], VenueScript]:
    return lambda: next(script for script in plugin.foreshock_simulations() if script.venue == venue)


def _check_venue(connector: Connector, script: Callable[[], VenueScript], samples: Sequence[str]) -> list[Rule]:
    venue = connector.venue
    try:
        golden = tuple(samples) or _simulated(connector, script)
        units = {spec.contract_value * spec.multiplier for spec in script().listing()}
    except Exception as error:  # noqa: BLE001 - likewise
        return [Rule(venue, "the_simulated_venue_tells_liquidations", _words(error))]
    members = {"connector": connector, "script": script, "golden": golden, "plain": units == {1}}
    contract: Any = type("Checked", (ConnectorContract,), members)()
    names = [name for name in dir(ConnectorContract) if name.startswith("test_")]
    rules = [(name.removeprefix("test_"), getattr(contract, name)) for name in names]
    rules.append(("a_frame_costs_no_more_than_its_budget", lambda: demand_speed(contract.probe(), golden)))
    judged = []
    for name, rule in rules:
        try:
            with _no_longer_than(RULE_SECONDS):
                judged.append(Rule(venue, name, _complaint(rule)))
        except NoEnd:
            return [*judged, Rule(venue, name, f"no end after {RULE_SECONDS:g} s; no further rule was tried")]
    return judged


@contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    """Raise NoEnd where it takes longer."""

    def ring(*_: object) -> None:
        raise NoEnd

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _simulated(connector: Connector, script: Callable[[], VenueScript]) -> tuple[str, ...]:
    """Return frames of the simulated venue, for a plugin without samples. Raises AssertionError when it has no text."""
    venue = Probe(connector, script).script
    venue.offer(offers(venue.listing())[:8])
    pushes = [push.frame for now in range(NOW_MS, NOW_MS + 3000, 250) for push in venue.due(now)]
    demand(pushes, "it told none of the liquidations it was offered")
    demand(all(isinstance(frame, str) for frame in pushes), "its frames are bytes: give `foreshock_samples` as text")
    return tuple(str(frame) for frame in pushes)


def demand_speed(probe: Probe, golden: Sequence[str]) -> None:
    """Demand that a frame takes no more than BUDGET_MS, working or waiting, on average over many.

    A busy machine is not the decoder's fault: time by the wall counts where the thread gave its processor away in
    every call.
    """
    decoder = probe.connector.decoder(probe.routes[0], probe.instruments)
    began, worked, waits, calls = time.monotonic(), time.thread_time(), thread_waits(), 0
    while calls * len(golden) < TIMED_FRAMES and time.monotonic() - began < LONGEST_SECONDS:
        decoder.feed(golden)
        calls += 1
    took, worked, waits = time.monotonic() - began, time.thread_time() - worked, thread_waits() - waits
    cost = (took if waits >= calls else worked) * 1000 / (calls * len(golden))
    demand(cost <= BUDGET_MS, f"a frame costs {cost:.1f} ms, {BUDGET_MS:g} ms are allowed")


def _complaint(rule: Callable[[], None]) -> str | None:
    try:
        rule()
    except Exception as error:  # noqa: BLE001 - a rule broken, or foreign code that raises
        return _words(error)
    return None


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"


def _confine() -> None:
    """Bound what this process may use, and forbid what a connector has no business to do."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a lower bound stands already
            resource.setrlimit(what, (most, most))

    def forbid(event: str, args: tuple[Any, ...]) -> None:
        if event in FORBIDDEN:
            raise PermissionError(f"a connector does no IO: {event}{args[1:2]}")

    sys.addaudithook(forbid)


def main(argv: Sequence[str]) -> int:
    """Check the plugin `NAME MODULE[:OBJECT]`; what it prints itself goes to stderr."""
    name, place = argv
    stdout, sys.stdout = sys.stdout, sys.stderr
    _confine()
    module, _, attribute = place.partition(":")
    try:
        plugin: Any = import_module(module)
        for part in filter(None, attribute.split(".")):
            plugin = getattr(plugin, part)
    except Exception as error:  # noqa: BLE001 - foreign code
        report = Report(name, [Rule("", "it_can_be_imported", _words(error))])
    else:
        report = check(name, plugin)
    stdout.write(msgspec.json.encode(report).decode() + "\n")
    stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
