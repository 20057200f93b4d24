"""What can be changed while feeds runs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from foreshock_feeds.domain.silence import SilenceRule

RANGES: dict[str, tuple[float, float]] = {
    "silence_window_seconds": (10, 600),
    "silence_events": (0, 10_000),
    "silence_venues": (1, 100),
    "silence_chance": (1e-12, 0.1),
}


class FeedsConfig(msgspec.Struct, frozen=True):
    """The configuration of feeds. Fields that a later version stored are ignored: its revision must not stop this one.

    symbols                 the underlying markets to read; all of each venue when empty
    silence_window_seconds  a venue without any liquidation in so long is held against the others
    silence_events          when these had so many seconds with liquidations in it, together; 0: never
    silence_venues          and so many of them had some
    silence_chance          it is suspect when its silence would be less probable than this
    """

    symbols: tuple[str, ...] = ()
    silence_window_seconds: int = 60
    silence_events: int = 20
    silence_venues: int = 2
    silence_chance: float = 0.0001

    @property
    def silence(self) -> SilenceRule:
        """When a venue is held for silent."""
        return SilenceRule(
            self.silence_window_seconds, self.silence_events, self.silence_venues, chance=self.silence_chance
        )


def problems(config: FeedsConfig) -> dict[str, str]:
    """Return what is wrong, by field; nothing when the configuration is good."""
    return dict(_problems(config))


def _problems(config: FeedsConfig) -> Iterator[tuple[str, str]]:
    if len(set(config.symbols)) != len(config.symbols):
        yield "symbols", "names a symbol twice"
    for symbol in config.symbols:
        if not symbol or symbol != symbol.strip() or symbol != symbol.upper():
            yield "symbols", f"{symbol!r} is not a symbol such as BTCUSDT"
    for field, (least, most) in RANGES.items():
        value = getattr(config, field)
        if not least <= value <= most:
            yield field, f"must be within {least:g}..{most:g}, got {value:g}"
