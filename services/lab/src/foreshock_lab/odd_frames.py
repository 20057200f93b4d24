"""Frames as a venue should never send them: a script tells a known row, then its text is bent.

No venue's format is known here: price, size, time and name of the row can be found in any text, packed by gzip or not.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from foreshock_lab.domain.timeline import Oddity
from foreshock_sdk.events import LiquidatedSide
from foreshock_sdk.instruments import InstrumentSpec
from foreshock_sdk.simulation import Push, SimLiquidation, VenueScript

PRICE, SIZE = 91_234.25, 7.125
AGE_MS = 1_234
PATIENCE_MS = 3_000
STEP_MS = 100
IMPOSSIBLE_MS = 4_260_000_000_000
"""In the year 2104."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GZIP = b"\x1f\x8b"
NAME, FOREIGN_NAME = "QZX9", "测试币"

Bend = Callable[[str, InstrumentSpec, int], str | bytes]


def _price(value: str) -> Bend:
    return lambda text, _spec, _at: re.sub(r"91234\.250*", value, text)


def _size(value: str) -> Bend:
    return lambda text, _spec, _at: re.sub(r"\b7\.1250*", value, text)


def _time(value: int) -> Bend:
    return lambda text, _spec, at_ms: text.replace(str(at_ms), str(value)).replace(_iso(at_ms), str(value))


def _iso(at_ms: int) -> str:
    """Return a time as venues that write it in words do."""
    return (EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _name(value: str) -> Bend:
    def bend(text: str, spec: InstrumentSpec, _at: int) -> str:
        spelled = (spec.contract_base, spec.base)
        base = next((each for each in spelled if each and each in spec.raw_symbol), spec.raw_symbol)
        return text.replace(spec.raw_symbol, spec.raw_symbol.replace(base, value, 1))

    return bend


BENDS: Mapping[Oddity, Bend] = {
    Oddity.TRUNCATED: lambda text, _spec, _at: text[: len(text) // 2],
    Oddity.NOT_JSON: lambda _text, _spec, _at: "<html>502 Bad Gateway</html>",
    Oddity.NOT_UTF8: lambda text, _spec, _at: b"\xff\xfe" + text.encode(),
    Oddity.STRANGE_JSON: lambda _text, _spec, _at: '{"surprise":[1,{"two":null}],"data":7}',
    Oddity.ZERO_PRICE: _price("0"),
    Oddity.NEGATIVE_SIZE: _size("-7.125"),
    Oddity.ZERO_SIZE: _size("0"),
    Oddity.NAN_PRICE: _price("NaN"),
    Oddity.INFINITE_SIZE: _size("Infinity"),
    Oddity.TEXT_PRICE: _price("about ninety"),
    Oddity.IMPOSSIBLE_TIME: _time(IMPOSSIBLE_MS),
    Oddity.NEGATIVE_TIME: _time(-5),
    Oddity.UNKNOWN_SYMBOL: _name(NAME),
    Oddity.FOREIGN_SYMBOL: _name(FOREIGN_NAME),
}


def craft(kind: Oddity, scratch: VenueScript, spec: InstrumentSpec, now_ms: int) -> list[Push]:
    """Return the bent frames of one row on this contract.

    scratch is a new script whose frames go nowhere else. Raises KeyError for a kind that is no bent frame.
    """
    at_ms = now_ms - AGE_MS
    scratch.offer([SimLiquidation(0, spec.raw_symbol, LiquidatedSide.LONG, PRICE, SIZE, at_ms)])
    for later in range(0, PATIENCE_MS, STEP_MS):
        pushes = [push for push in scratch.due(now_ms + later) if push.rows]
        if pushes:
            return [
                Push(push.channel, _bent(push.frame, lambda text: BENDS[kind](text, spec, at_ms))) for push in pushes
            ]
    return []


def _bent(frame: str | bytes, bend: Callable[[str], str | bytes]) -> str | bytes:
    if isinstance(frame, str):
        return bend(frame)
    if not frame.startswith(GZIP):
        return bend(frame.decode())
    bent = bend(gzip.decompress(frame).decode())
    return gzip.compress(bent.encode() if isinstance(bent, str) else bent, mtime=0)
