"""Sight: how much of the market is seen at a moment, and its codec (`protos/.../velocity/v1/metrics.proto`)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from foreshock_model import wire
from foreshock_model.errors import CodecError
from foreshock_model.tick import Share, VenueLife

DIGITS = 6


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen of the whole known market, not only of the venues that are read.

    coverage  sum over venues of live part x share, 0 to 1
    possible  the same if every venue that is read were live
    used      venues that are live, wholly or in part, by name;  missing: those that are read and are not
    """

    coverage: Share
    possible: Share
    used: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def sight_of(venues: Mapping[str, VenueLife]) -> Sight:
    """Add up venues."""
    named = sorted(venues.items())
    return Sight(
        coverage=_bounded(sum(life.live * life.share for _, life in named)),
        possible=_bounded(sum(life.share for _, life in named)),
        used=tuple(name for name, life in named if life.live > 0),
        missing=tuple(name for name, life in named if life.live == 0),
    )


def encode(sight: Sight) -> bytes:
    """Return a sight as a protobuf message `foreshock.velocity.v1.Sight`."""
    parts = [wire.double(1, sight.coverage), wire.double(2, sight.possible)]
    parts += [wire.text(3, venue) for venue in sight.used]
    parts += [wire.text(4, venue) for venue in sight.missing]
    return b"".join(parts)


def decode(data: bytes | memoryview) -> Sight:
    """Read a sight. Raises CodecError naming the field."""
    shares = {"coverage": 0.0, "possible": 0.0}
    used: list[str] = []
    missing: list[str] = []
    for number, value in wire.fields(data):
        if number == 1:
            shares["coverage"] = wire.as_double("coverage", value)
        elif number == 2:  # noqa: PLR2004 - field numbers of the message
            shares["possible"] = wire.as_double("possible", value)
        elif number == 3:  # noqa: PLR2004
            used.append(wire.as_text("used", value))
        elif number == 4:  # noqa: PLR2004
            missing.append(wire.as_text("missing", value))
    for name, share in shares.items():
        if not 0.0 <= share <= 1.0:
            msg = f"field {name!r} is {share}, not within 0..1"
            raise CodecError(msg)
    return Sight(used=tuple(used), missing=tuple(missing), **shares)


def _bounded(share: float) -> float:
    return round(min(share, 1.0), DIGITS)
