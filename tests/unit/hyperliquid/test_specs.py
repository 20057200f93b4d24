from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from foreshock_hyperliquid.connector import HyperliquidConnector
from foreshock_hyperliquid.specs import by_name, packaged_specs, parse_meta
from foreshock_sdk import EventFlag, FrameError, Instruments, OptionError, Purpose, RestRequest, Route, Span

FRAMES = Path(__file__).parent / "frames"
ACCOUNT = "0x" + "Ab" * 20


def connector(**options: Any) -> HyperliquidConnector:
    return HyperliquidConnector().configured(options)


def routes(names: list[str], *symbols: str, **options: Any) -> list[Route]:
    specs = [msgspec.structs.replace(by_name(name), packaged=False) for name in names]
    one = connector(**options)
    return list(one.routes(Instruments("hyperliquid", specs), symbols, one.endpoints))


@pytest.mark.parametrize(
    ("raw", "instrument", "symbol", "multiplier"),
    [
        ("BTC", "BTCUSD-PERP.HYPERLIQUID", "BTCUSDT", 1.0),
        ("kPEPE", "kPEPEUSD-PERP.HYPERLIQUID", "PEPEUSDT", 1000.0),
        ("xyz:SP500", "xyz:SP500USD-PERP.HYPERLIQUID", "SP500USDT", 1.0),
        ("flx:kBONK", "flx:kBONKUSD-PERP.HYPERLIQUID", "BONKUSDT", 1000.0),
    ],
)
def test_a_name_says_all(raw: str, instrument: str, symbol: str, multiplier: float) -> None:
    spec = by_name(raw)
    assert (spec.instrument, spec.symbol, spec.multiplier) == (instrument, symbol, multiplier)
    assert (spec.contract_value, spec.inverse, spec.packaged) == (1.0, False, True)


@pytest.mark.parametrize("raw", ["", "@107", "PURR/USDC", "btc", "k", "a:b:C", ":BTC", "#12"])
def test_other_names_are_refused(raw: str) -> None:
    with pytest.raises(FrameError):
        by_name(raw)


def test_the_venues_list_is_read() -> None:
    specs = parse_meta((FRAMES / "meta_perp_sample.json").read_bytes())
    assert [spec.raw_symbol for spec in specs] == ["BTC", "ETH", "ATOM"]
    assert not any(spec.packaged for spec in specs)


def test_what_is_delisted_or_without_a_rule_is_left_out() -> None:
    universe = [{"name": "BTC"}, {"name": "GONE", "isDelisted": True}, {"name": "@1"}]
    assert [spec.raw_symbol for spec in parse_meta(msgspec.json.encode({"universe": universe}))] == ["BTC"]


def test_the_names_of_a_builders_exchange_carry_its_name() -> None:
    """Whether `meta` writes it before the coin is not verified: both ways are read."""
    body = msgspec.json.encode({"universe": [{"name": "xyz:SP500"}, {"name": "NVDA"}]})
    specs = connector(dexes=["xyz"]).parse_specs({"meta:xyz": body})
    assert [spec.raw_symbol for spec in specs] == ["xyz:SP500", "xyz:NVDA"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'"Failed to deserialize"'])
def test_an_answer_that_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        parse_meta(body)


def test_lists_are_asked_by_post() -> None:
    one = connector(dexes=["xyz"])
    requests = one.spec_requests(one.endpoints)
    assert [(request.name, request.url, request.body) for request in requests] == [
        ("meta", "https://api.hyperliquid.xyz/info", b'{"type":"meta"}'),
        ("meta:xyz", "https://api.hyperliquid.xyz/info", b'{"type":"meta","dex":"xyz"}'),
    ]


class TestRoutes:
    def test_without_accounts_there_is_context_alone_and_it_says_that_it_sees_a_part(self) -> None:
        """Trap 7: the venue has no public feed of liquidations."""
        (route,) = routes(["BTC", "ETH", "kPEPE"])
        assert (route.purpose, route.canary.channel) == (Purpose.CONTEXT, "l2Book:BTC")
        assert route.channels == (
            *("l2Book:BTC", "l2Book:ETH"),
            *("activeAssetCtx:BTC", "activeAssetCtx:ETH", "activeAssetCtx:kPEPE"),
        )
        assert connector().throttle.partial

    def test_accounts_have_a_socket_of_their_own_with_its_canary(self) -> None:
        fills, context = routes(["BTC"], addresses=[ACCOUNT, ACCOUNT.lower()])
        assert fills.channels == ("l2Book:BTC", f"userFills:{ACCOUNT.lower()}")
        assert (fills.purpose, context.purpose) == (Purpose.LIQUIDATIONS, Purpose.CONTEXT)
        assert [msgspec.json.decode(frame)["subscription"] for frame in fills.subscribe] == [
            {"type": "l2Book", "coin": "BTC", "fast": True},
            {"type": "userFills", "user": ACCOUNT.lower()},
        ]

    def test_only_what_is_tracked_is_subscribed_and_its_book_too(self) -> None:
        (route,) = routes(["BTC", "ETH", "kPEPE"], "PEPEUSDT")
        assert route.channels == ("l2Book:BTC", "l2Book:kPEPE", "activeAssetCtx:kPEPE")

    def test_only_coins_of_the_venues_list_are_subscribed(self) -> None:
        """Trap 8: one unknown coin closes the socket for all. Before the list came only a few are certain."""
        one = connector()
        (route,) = one.routes(Instruments("hyperliquid", packaged_specs().specs), (), one.endpoints)
        coins = {channel.partition(":")[2] for channel in route.channels}
        assert coins == {"BTC", "ETH", "SOL", "XRP", "DOGE"}

    def test_subscriptions_stay_below_the_venues_limit(self) -> None:
        fills, context = routes([f"C{number}" for number in range(1200)], addresses=[ACCOUNT])
        assert len(fills.channels) + len(context.channels) == 1000


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"addresses": ["0x12"]}, "addresses"),
            ({"addresses": [ACCOUNT] * 11}, "addresses"),
            ({"dexes": ["a:b"]}, "dexes"),
            ({"fills_dir": "/x"}, "fills_dir"),
        ],
    )
    def test_a_wrong_one_is_named(self, options: dict[str, Any], named: str) -> None:
        with pytest.raises(OptionError) as caught:
            connector(**options)
        assert caught.value.option == named


class TestHistory:
    def request(self) -> tuple[HyperliquidConnector, RestRequest]:
        one = connector(addresses=[ACCOUNT])
        instruments = Instruments("hyperliquid")
        fills, context = one.routes(instruments, (), one.endpoints)
        assert not one.backfill_requests(context, instruments, Span(5, 9), one.endpoints)
        (request,) = one.backfill_requests(fills, instruments, Span(5, 9), one.endpoints)
        return one, request

    def test_an_accounts_fills_are_asked_for_by_time(self) -> None:
        _, request = self.request()
        asked = {"type": "userFillsByTime", "user": ACCOUNT.lower(), "startTime": 5, "endTime": 9}
        assert msgspec.json.decode(request.body or b"") == asked

    def test_a_full_page_is_followed_from_its_newest_fill(self) -> None:
        one, request = self.request()
        assert one.next_page(request, msgspec.json.encode([{"time": 7}] * 1999)) is None
        following = one.next_page(request, msgspec.json.encode([{"time": 6}, *[{"time": 7}] * 1999]))
        assert following is not None
        assert following.name == request.name + "+"
        assert msgspec.json.decode(following.body or b"")["startTime"] == 7
        assert one.next_page(following, msgspec.json.encode([{"time": 7}] * 2000)) is None, "it would not move"

    def test_a_list_of_contracts_has_one_page(self) -> None:
        one, _ = self.request()
        assert one.next_page(one.spec_requests(one.endpoints)[0], b"{}") is None

    def test_a_bad_fill_is_a_fault_and_a_bad_answer_is_refused(self) -> None:
        one, request = self.request()
        fill = {"coin": "BTC", "px": "1", "sz": "2", "side": "B", "time": 7, "tid": 3}
        liquidation = {"liquidatedUser": ACCOUNT, "method": "market"}
        body = msgspec.json.encode([fill, {**fill, "liquidation": liquidation}, {"liquidation": {}}])
        found = one.parse_backfill(request, body, Instruments("hyperliquid"))
        assert (list(found.liquidations.flags), len(found.faults)) == ([EventFlag.BACKFILLED], 1)
        with pytest.raises(FrameError):
            one.parse_backfill(request, b"{}", Instruments("hyperliquid"))
