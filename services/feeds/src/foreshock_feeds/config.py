"""What can be changed while feeds runs."""

from __future__ import annotations

import msgspec


class FeedsConfig(msgspec.Struct, frozen=True):
    """symbols: the underlying markets to read; all of each venue when empty.

    Fields that a later version stored are ignored: its revision must not stop this one.
    """

    symbols: tuple[str, ...] = ()


def problems(config: FeedsConfig) -> dict[str, str]:
    """Return what is wrong, by field; nothing when the configuration is good."""
    for symbol in config.symbols:
        if not symbol or symbol != symbol.strip() or symbol != symbol.upper():
            return {"symbols": f"{symbol!r} is not a symbol such as BTCUSDT"}
    if len(set(config.symbols)) != len(config.symbols):
        return {"symbols": "names a symbol twice"}
    return {}
