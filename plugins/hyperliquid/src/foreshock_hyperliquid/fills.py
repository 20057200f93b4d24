"""Which position died in a fill.

A fill of `userFills`, as one account sees it (a maker who took the other side of a liquidation):

    {"coin":"BTC","px":"66653.0","sz":"0.001","side":"A","time":1781528065899,"dir":"Open Short","crossed":false,
     "tid":745210434703679,"liquidation":{"liquidatedUser":"0x3608...","markPx":"66607.0","method":"market"}}

side is that account's: A sells, B buys. The liquidated account's own order sells when a long dies; its counterparty
then buys. Where a vault takes the position over (`backstop`), `dir` names the position, in the vault's row too. Rows of
auto-deleveraging are of those who won, and no liquidation of theirs. Source: "Retrieve a user's fills" and the node's
documentation; the rules are inferred from real frames of 2025-10, 2026-02, 2026-06 and 2026-08. Checked 2026-11-20.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from foreshock_hyperliquid.messages import Fill
from foreshock_sdk import EventFlag, FrameError, LiquidatedSide, PriceKind, RawLiquidation
from foreshock_sdk.reading import SpellingIndex

LIQUIDATED = re.compile(r"Liquidated (?:Cross|Isolated) (?P<position>Long|Short)")
POSITIONS = {"Long": LiquidatedSide.LONG, "Short": LiquidatedSide.SHORT}
DELEVERAGED = "Auto-Deleveraging"


def read_fill(
    value: Any, index: SpellingIndex, user: str = "", flags: EventFlag = EventFlag.NONE
) -> RawLiquidation | None:
    """Return the liquidation in a fill of this account ("" when nobody says whose), None when there is none.

    The trade's number is its identity: seen by both parties it is one event. Raises ValidationError, FrameError.
    """
    if not isinstance(value, dict):
        raise FrameError("a fill is not an object")
    if value.get("liquidation") is None:
        return None
    fill = msgspec.convert(value, Fill, strict=False)
    if fill.dir == DELEVERAGED:
        return None
    side, instrument = died(fill, user), index.of(fill.coin)
    return RawLiquidation(instrument, side, fill.px, PriceKind.AVERAGE, fill.sz, fill.time, fill.tid, fill.px, flags)


def died(fill: Fill, user: str) -> LiquidatedSide:
    """Return the position that died. Raises FrameError when the fill does not tell."""
    named = LIQUIDATED.fullmatch(fill.dir)
    if named is not None:
        return POSITIONS[named["position"]]
    own = _is_own(fill, user)
    if fill.liquidation.method == "backstop" and not own:
        raise FrameError(f"`dir` {fill.dir!r:.40} of a backstop names no position")
    return LiquidatedSide.LONG if (fill.side == "A") == own else LiquidatedSide.SHORT


def is_of_liquidated(user: str, value: Any) -> bool:
    """Tell whether a fill is the liquidated account's own: of the two rows of a trade the one that counts."""
    liquidation = value.get("liquidation") if isinstance(value, dict) else None
    return isinstance(liquidation, dict) and str(liquidation.get("liquidatedUser")).lower() == user.lower()


def _is_own(fill: Fill, user: str) -> bool:
    """Tell whose fill it is; where nobody says, by who crossed: a liquidation is a taker's order."""
    if user:
        return user.lower() == fill.liquidation.liquidated_user.lower()
    if fill.crossed is None:
        raise FrameError("neither the account nor `crossed` tells whose fill it is")
    return fill.crossed
