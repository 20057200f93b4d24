"""A simulated Hyperliquid: books, contexts of coins and fills of accounts with the venue's protocol.

Liquidations are seen only by those who follow `ACCOUNT`: in turn it is liquidated itself, takes the other side, or is
the vault that takes a position over. While nobody follows it they are withheld, as at the venue. A subscription of a
coin that does not exist closes the socket without a word. Source: API documentation, "Websocket", checked 2026-11-20;
the closing by a probe of 2026-09-24.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from foreshock_hyperliquid.messages import ASSET, BOOK, FILLS
from foreshock_hyperliquid.specs import VENUE, by_name
from foreshock_hyperliquid.wording import ACCOUNT, asset, book, fill
from foreshock_sdk import ContextField, Push, RestReply, SimLiquidation, SimSession, SimVenue
from foreshock_sdk.simvenue import Frame, encode, reply

LISTED = (
    *("BTC", "ETH", "SOL", "XRP", "DOGE", "HYPE", "BNB", "ADA", "AVAX", "LINK", "LTC", "SUI"),
    *("kPEPE", "kSHIB", "kBONK"),
)
BUILT = {"xyz": ("SP500", "NVDA")}
"""A builder's exchange and what it lists."""
ADDRESS = re.compile("0x[0-9a-fA-F]{40}")
MOST_ADDRESSES = 10
BOOK_MS, ASSET_MS = 500, 1000
SNAPSHOT_FILLS = 100


class HyperliquidScript(SimVenue):
    """The venue. followed: whether somebody follows ACCOUNT, as `options` say; else its liquidations are withheld."""

    venue = VENUE
    paths = ("/ws",)
    silence_ms = 60_000
    messages = 2_000
    messages_ms = 60_000
    options: ClassVar[Mapping[str, Any]] = {"addresses": [ACCOUNT]}

    def __init__(self, *, followed: bool = True) -> None:
        super().__init__([by_name(each) for each in LISTED])
        self._coins = frozenset((*LISTED, *(f"{dex}:{coin}" for dex, coins in BUILT.items() for coin in coins)))
        self._followed = followed
        self._withheld: list[int] = []
        self._told_ms: dict[str, int] = {}

    def answer(self, session: SimSession, request: dict[str, Any], now_ms: int) -> Sequence[Frame]:  # noqa: ARG002
        """Answer ping and (un)subscribe."""
        method, what = request.get("method"), request.get("subscription")
        if method == "ping":
            return [encode({"channel": "pong"})]
        if method not in {"subscribe", "unsubscribe"} or not isinstance(what, dict):
            return self.refuse(encode(request))
        channel = self._channel(session, what)
        if channel is None:
            return (
                () if session.cut else [_error(f"Error parsing JSON into valid websocket request: {encode(request)}")]
            )
        if method == "unsubscribe":
            session.unsubscribe(channel)
        elif not session.subscribe(channel):
            return [_error(f"Already subscribed: {encode(what)}")]
        elif channel == f"{FILLS}:{ACCOUNT}":
            self._followed = True
        return [encode({"channel": "subscriptionResponse", "data": {"method": method, "subscription": what}})]

    def refuse(self, frame: Frame) -> Sequence[Frame]:
        """Answer what is no request."""
        shown = frame if isinstance(frame, str) else frame.decode(errors="replace")
        return [_error(f"Error parsing JSON into valid websocket request: {shown:.200}")]

    def greet(self, channel: str, now_ms: int) -> Sequence[Push]:
        """Return the newest fills, all of them old, and the present book and context of a coin."""
        kind, _, subject = channel.partition(":")
        if kind == FILLS:
            rows = list(self.history)[-SNAPSHOT_FILLS:] if subject == ACCOUNT else []
            return [_fills(subject, rows, is_snapshot=True)]
        if ContextField.MARK not in self.prices.get(subject, {}):
            return ()
        told = {BOOK: book, ASSET: asset}[kind](subject, self.prices[subject], now_ms)
        return [Push(channel, encode(told))]

    def tell(self, rows: Sequence[SimLiquidation], now_ms: int) -> Sequence[Push]:  # noqa: ARG002 - of no throttle
        """Return the account's fills; keep back what nobody would see."""
        if self._followed:
            return [_fills(ACCOUNT, rows)]
        self._withheld += [row.row for row in rows]
        return ()

    def withheld(self) -> Sequence[int]:
        """Return the liquidations that nobody could see."""
        withheld, self._withheld = self._withheld, []
        return withheld

    def market(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Sequence[Push]:
        """Return a coin's book twice a second and its context once."""
        if ContextField.MARK not in prices:
            return ()
        told = ((BOOK, BOOK_MS, book), (ASSET, ASSET_MS, asset))
        due = [
            (f"{kind}:{raw_symbol}", word) for kind, every, word in told if self._due(kind, raw_symbol, every, now_ms)
        ]
        return [Push(channel, encode(word(raw_symbol, prices, now_ms))) for channel, word in due]

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - POST only
        """Answer /info: meta and userFillsByTime."""
        if path != "/info":
            return None
        try:
            asked = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.MsgspecError:
            return reply("Failed to deserialize the JSON body into the target type", 422)
        if asked.get("type") == "meta":
            return self._meta(str(asked.get("dex", "")))
        if asked.get("type") == "userFillsByTime":
            return self._history(asked)
        return reply("Failed to deserialize the JSON body into the target type", 422)

    def _meta(self, dex: str) -> RestReply:
        names = [f"{dex}:{coin}" for coin in BUILT.get(dex, ())] if dex else [*LISTED, "GONE"]
        rows = [{"name": name, "szDecimals": 2, "maxLeverage": 10, "isDelisted": name == "GONE"} for name in names]
        return reply({"universe": rows})

    def _history(self, asked: Mapping[str, Any]) -> RestReply:
        if asked.get("user") != ACCOUNT:
            return reply([])
        first, last = asked["startTime"], asked.get("endTime", 2**53)
        return reply([fill(row) for row in self.history if first <= row.ts_event_ms <= last])

    def _channel(self, session: SimSession, what: dict[str, Any]) -> str | None:
        """Return the channel's name, None when there is none such; a wrong coin ends the session."""
        kind = what.get("type")
        if kind == FILLS:
            user = str(what.get("user")).lower()
            users = {each for each in session.channels if each.startswith(FILLS)} | {f"{FILLS}:{user}"}
            return f"{FILLS}:{user}" if ADDRESS.fullmatch(user) and len(users) <= MOST_ADDRESSES else None
        if kind not in {BOOK, ASSET}:
            return None
        session.cut = what.get("coin") not in self._coins
        return None if session.cut else f"{kind}:{what['coin']}"

    def _due(self, kind: str, coin: str, every: int, now_ms: int) -> bool:
        key = f"{kind}:{coin}"
        if now_ms - self._told_ms.get(key, -every) < every:
            return False
        self._told_ms[key] = now_ms
        return True


def _fills(user: str, rows: Sequence[SimLiquidation], *, is_snapshot: bool = False) -> Push:
    data: dict[str, Any] = {"isSnapshot": True} if is_snapshot else {}
    data |= {"user": user, "fills": [fill(row) for row in rows]}
    frame = encode({"channel": FILLS, "data": data})
    return Push(f"{FILLS}:{user}", frame, () if is_snapshot else tuple(row.row for row in rows))


def _error(message: str) -> str:
    return encode({"channel": "error", "data": message})
