"""The messages of OKX v5 as far as we read them, and the channels they come under.

Source: v5 documentation, "Liquidation orders channel" and "Mark price channel", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from foreshock_sdk.reading import Millis, Positive

KINDS = ("SWAP", "FUTURES")
LIQUIDATIONS = "liquidation-orders"
MARK_PRICE = "mark-price"
RETIRED = "liquidations"


class Arg(msgspec.Struct, gc=False):
    """What the push answers to."""

    channel: Literal["liquidation-orders"]
    instType: Literal["SWAP", "FUTURES"]  # noqa: N815 - the venue's spelling


class Detail(msgspec.Struct, gc=False):
    """One liquidation order."""

    side: Literal["sell", "buy"]
    sz: Positive
    bkPx: Positive  # noqa: N815
    ts: Millis
    posSide: Literal["long", "short", "net"] = "net"  # noqa: N815


class Item(msgspec.Struct, gc=False):
    """The orders of one contract."""

    instId: str  # noqa: N815
    details: list[Detail]


class Push(msgspec.Struct, gc=False):
    """One frame."""

    arg: Arg
    data: list[Item]


class Mark(msgspec.Struct, rename="camel"):
    """Mark price of one contract."""

    inst_id: str
    mark_px: Positive
    ts: Millis
