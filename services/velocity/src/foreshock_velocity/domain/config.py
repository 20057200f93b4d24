"""What an operator may change while velocity runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from foreshock_model.tick import LONGEST_DELAY_MS

OTHER_VENUE_DELAY_MS = 1_500
"""Of a venue that neither the configuration nor the ticks of feeds name."""
CADENCE_RANGE_MS = (10, 10_000)
LONGEST_LATENESS_MS = 300_000


class VelocityConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The hot configuration, whole. Times are milliseconds.

    cadence_ms        grid on which decay is evaluated
    disabled_symbols  symbols that get no rows; their totals go on
    venue_delay_ms    how far a silent venue's frontier stays behind the clock, by venue, instead of what feeds say
    late_after_ms     an event this much older than its venue's frontier counts in totals only
    """

    cadence_ms: int = 100
    disabled_symbols: tuple[str, ...] = ()
    venue_delay_ms: dict[str, int] = {}
    late_after_ms: int = 10_000

    def delay_ns(self, venue: str, told_ms: Mapping[str, int]) -> int:
        """Return the frontier delay of a venue in nanoseconds; told_ms is what feeds say, by venue."""
        return self.venue_delay_ms.get(venue, told_ms.get(venue, OTHER_VENUE_DELAY_MS)) * 1_000_000


def problems(config: VelocityConfig) -> dict[str, str]:
    """Return what is wrong, by field; empty when nothing is."""
    return dict(_problems(config))


def _problems(config: VelocityConfig) -> Iterator[tuple[str, str]]:
    lowest, highest = CADENCE_RANGE_MS
    if not lowest <= config.cadence_ms <= highest:
        yield "cadence_ms", f"{config.cadence_ms} is not in {lowest}..{highest}"
    if not 0 <= config.late_after_ms <= LONGEST_LATENESS_MS:
        yield "late_after_ms", f"{config.late_after_ms} is not in 0..{LONGEST_LATENESS_MS}"
    for venue, delay in sorted(config.venue_delay_ms.items()):
        if not venue or venue != venue.lower():
            yield "venue_delay_ms", f"venue {venue!r} is not a lower-case name"
        elif not 0 <= delay <= LONGEST_DELAY_MS:
            yield "venue_delay_ms", f"{delay} of venue {venue!r} is not in 0..{LONGEST_DELAY_MS}"
    if "" in config.disabled_symbols:
        yield "disabled_symbols", "a symbol is empty"
    if len(set(config.disabled_symbols)) < len(config.disabled_symbols):
        yield "disabled_symbols", "a symbol is named twice"


def decode(document: bytes) -> VelocityConfig:
    """Read a configuration; fields of later versions are ignored. Raises ValueError naming what is wrong."""
    try:
        config = msgspec.json.decode(document, type=VelocityConfig)
    except msgspec.DecodeError as error:
        msg = f"velocity configuration: {error}"
        raise ValueError(msg) from error
    if wrong := problems(config):
        raise ValueError("; ".join(f"{field}: {reason}" for field, reason in wrong.items()))
    return config


def encode(config: VelocityConfig) -> bytes:
    """Return a configuration as JSON."""
    return msgspec.json.encode(config)
