"""`foreshock normalize` of every venue, kind of contract and side: one table, values computed by decimal arithmetic.

A row says what the venue wrote (its own price and size) and how many coins and USD that is. Rows are grouped by venue.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from foreshock_cli import venues
from foreshock_cli.normalizing import Normalizer

TS = 1_791_565_600_771


class Case(NamedTuple):
    """One frame and what must come of it: price, quantity and notional are computed from what the frame says."""

    venue: str
    frame: str
    instrument: str
    symbol: str
    side: str
    kind: str
    price: Decimal
    quantity: Decimal
    notional: Decimal


def linear(price: str, size: str, value: str = "1", multiplier: str = "1") -> tuple[Decimal, Decimal, Decimal]:
    """Return price, quantity and notional where a size of 1 is so many coins of the venue's spelling."""
    coins = Decimal(size) * Decimal(value)
    return Decimal(price) / Decimal(multiplier), coins * Decimal(multiplier), coins * Decimal(price)


def inverse(price: str, size: str, value: str = "1") -> tuple[Decimal, Decimal, Decimal]:
    """Return price, quantity and notional where a size of 1 is so many USD."""
    usd = Decimal(size) * Decimal(value)
    return Decimal(price), usd / Decimal(price), usd


def binance(symbol: str, side: str, price: str, size: str) -> str:
    """Write an order: `S` is the order's side, `z` what was filled, `ap` the average."""
    order = {"s": symbol, "S": side, "o": "LIMIT", "f": "IOC", "q": size, "p": "1", "ap": price, "X": "FILLED"}
    data = {"e": "forceOrder", "E": TS + 5, "o": {**order, "l": "1", "z": size, "T": TS, "st": 1}}
    return json.dumps({"stream": "!forceOrder@arr", "data": data})


def bybit(symbol: str, side: str, price: str, size: str) -> str:
    """Write a row: `S` is the position's side."""
    row = {"T": TS, "s": symbol, "S": side, "v": size, "p": price}
    return json.dumps({"topic": f"allLiquidation.{symbol}", "type": "snapshot", "ts": TS + 5, "data": [row]})


def okx(contract: str, side: str, price: str, size: str, *, position: str = "net") -> str:
    """Write a detail: `side` is the order's."""
    detail = {"bkLoss": "0", "bkPx": price, "ccy": "", "posSide": position, "side": side, "sz": size, "ts": str(TS)}
    kind = "SWAP" if contract.endswith("SWAP") else "FUTURES"
    item = {"details": [detail], "instFamily": contract, "instId": contract, "instType": kind}
    return json.dumps({"arg": {"channel": "liquidation-orders", "instType": kind}, "data": [item]})


OURS, THEIRS = "0x" + "1" * 40, "0x" + "2" * 40


def hyperliquid(coin: str, side: str, price: str, size: str, **more: Any) -> dict[str, Any]:
    """Return a fill of a liquidation of OURS."""
    liquidation = {"liquidatedUser": OURS, "markPx": price, "method": more.pop("method", "market")}
    fill = {"coin": coin, "px": price, "sz": size, "side": side, "time": TS, "dir": "Close", "crossed": True}
    return {**fill, "tid": 7, "liquidation": liquidation, **more}


def fills(user: str, fill: dict[str, Any]) -> str:
    """Write a frame of `userFills`."""
    return json.dumps({"channel": "userFills", "data": {"user": user, "fills": [fill]}})


def quoted(price: str, amount: str, multiplier: str = "1") -> tuple[Decimal, Decimal, Decimal]:
    """Return price, quantity and notional where a size is an amount of the quote coin."""
    coins = Decimal(amount) / Decimal(price)
    return Decimal(price) / Decimal(multiplier), coins * Decimal(multiplier), Decimal(amount)


def gate(contract: str, sign: str, price: str, size: str, *, whole: bool) -> str:
    """Write a row: the sign of `size` is the position's, `time_ms` the older form."""
    row = {"price": price, "size": f"{sign}{size}", "contract": contract} | ({"time": TS} if whole else {"time_ms": TS})
    told = {"time": TS // 1000, "time_ms": TS + 5, "channel": "futures.public_liquidates", "event": "update"}
    return json.dumps({**told, "result": [row]})


def htx(contract: str, side: str, price: str, volume: str, *, coins: str | None) -> str:
    """Write a row: `direction` is the order's, `volume` contracts, `amount` coins."""
    amount = {} if coins is None else {"amount": float(coins)}
    row = {"contract_code": contract, "direction": side, "offset": "close", "volume": float(volume), **amount}
    row |= {"price": float(price), "created_at": TS}
    topic = f"public.{contract}.liquidation_orders"
    return json.dumps({"op": "notify", "topic": topic, "ts": TS + 5, "data": [row]})


def bitget(kind: str, symbol: str, side: str, price: str, amount: str) -> str:
    """Write a row: `side` is the position's, `amount` quote coins."""
    row = {"symbol": symbol, "side": side, "price": price, "amount": amount, "ts": str(TS)}
    return json.dumps({"action": "update", "arg": {"instType": kind, "topic": "liquidation"}, "data": [row], "ts": TS})


def krakenfutures(contract: str, side: str, price: str, size: str) -> str:
    """Write a trade: `side` is the taker's, numbers are numbers."""
    trade = {"feed": "trade", "product_id": contract, "uid": "e7f3a144-5c04-4ed6-999e-5922cd0b6160", "side": side}
    return json.dumps({**trade, "type": "liquidation", "time": TS, "qty": float(size), "price": float(price)})


def deribit(contract: str, flag: str, direction: str, price: str, size: str) -> str:
    """Write a trade: `direction` is the taker's, `liquidation` says who died."""
    trade = {"instrument_name": contract, "trade_id": "66460463", "direction": direction, "liquidation": flag}
    row = {**trade, "trade_seq": 7, "amount": float(size), "price": float(price), "timestamp": TS}
    params = {"channel": f"trades.{contract}.100ms", "data": [row]}
    return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params})


def dydx(market: str, side: str, price: str, size: str) -> str:
    """Write a trade: `side` is the taker's, the time is ISO 8601."""
    at = datetime.fromtimestamp(TS // 1000, UTC) + timedelta(milliseconds=TS % 1000)
    trade = {"id": "014f495a0000000200000005", "side": side, "size": size, "price": price, "type": "LIQUIDATED"}
    rows = [{**trade, "createdAt": at.isoformat().replace("+00:00", "Z")}]
    return json.dumps({"type": "channel_data", "channel": "v4_trades", "id": market, "contents": {"trades": rows}})


BINANCE = [
    Case("binance", binance(name, order, price, size), instrument, symbol, side, "average", *numbers)
    for name, instrument, symbol, price, size, numbers in (
        ("BTCUSDT", "BTCUSDT-PERP", "BTCUSDT", "82651.90", "0.190", linear("82651.90", "0.190")),
        ("BTCUSDC", "BTCUSDC-PERP", "BTCUSDT", "82651.90", "0.190", linear("82651.90", "0.190")),
        ("BTCUSDT_261225", "BTCUSDT-261225", "BTCUSDT", "83000.1", "0.5", linear("83000.1", "0.5")),
        (
            *("1000PEPEUSDT", "1000PEPEUSDT-PERP", "PEPEUSDT", "0.0180", "2000"),
            linear("0.0180", "2000", multiplier="1000"),
        ),
        ("BTCUSD_PERP", "BTCUSD-PERP", "BTCUSDT", "82651.9", "3", inverse("82651.9", "3", "100")),
        ("ETHUSD_PERP", "ETHUSD-PERP", "ETHUSDT", "2500.25", "7", inverse("2500.25", "7", "10")),
        ("BTCUSD_261225", "BTCUSD-261225", "BTCUSDT", "83000.1", "12", inverse("83000.1", "12", "100")),
    )
    for order, side in (("SELL", "LONG"), ("BUY", "SHORT"))
]
BYBIT = [
    Case("bybit", bybit(name, position, price, size), instrument, symbol, side, "bankruptcy", *numbers)
    for name, instrument, symbol, price, size, numbers in (
        ("BTCUSDT", "BTCUSDT-PERP", "BTCUSDT", "82396.90", "0.006", linear("82396.90", "0.006")),
        ("BTCPERP", "BTCUSDC-PERP", "BTCUSDT", "82396.90", "0.006", linear("82396.90", "0.006")),
        ("BTCUSDT-25DEC26", "BTCUSDT-261225", "BTCUSDT", "83000.5", "0.1", linear("83000.5", "0.1")),
        (
            *("SHIB1000USDT", "SHIB1000USDT-PERP", "SHIBUSDT", "0.02", "200"),
            linear("0.02", "200", multiplier="1000"),
        ),
        ("BTCUSD", "BTCUSD-PERP", "BTCUSDT", "50000.5", "5000", inverse("50000.5", "5000")),
        ("ETHUSDZ26", "ETHUSD-261225", "ETHUSDT", "2500.25", "777", inverse("2500.25", "777")),
    )
    for position, side in (("Buy", "LONG"), ("Sell", "SHORT"))
]
OKX = [
    Case("okx", okx(name, order, price, size, position=position), instrument, symbol, side, "mark", *numbers)
    for name, instrument, symbol, price, size, numbers in (
        ("BTC-USDT-SWAP", "BTCUSDT-PERP", "BTCUSDT", "82655.7", "8.55", linear("82655.7", "8.55", "0.01")),
        ("BTC-USDC-SWAP", "BTCUSDC-PERP", "BTCUSDT", "82655.7", "855", linear("82655.7", "855", "0.0001")),
        ("ETH-USDT-261225", "ETHUSDT-261225", "ETHUSDT", "2500.25", "3.3", linear("2500.25", "3.3", "0.1")),
        ("BTC-USD-SWAP", "BTCUSD-PERP", "BTCUSDT", "82655.7", "12.5", inverse("82655.7", "12.5", "100")),
        ("ETH-USD-261225", "ETHUSD-261225", "ETHUSDT", "2500.25", "7", inverse("2500.25", "7", "10")),
    )
    for order, position, side in (
        *(("sell", "long", "LONG"), ("sell", "net", "LONG")),
        *(("buy", "short", "SHORT"), ("buy", "net", "SHORT")),
    )
]
HYPERLIQUID = [
    Case("hyperliquid", frame, instrument, symbol, side, "average", *numbers)
    for name, instrument, symbol, price, size, numbers in (
        ("BTC", "BTCUSD-PERP", "BTCUSDT", "66653.0", "0.001", linear("66653.0", "0.001")),
        ("kPEPE", "kPEPEUSD-PERP", "PEPEUSDT", "0.018", "2000", linear("0.018", "2000", multiplier="1000")),
        ("xyz:SP500", "xyz:SP500USD-PERP", "SP500USDT", "6600.5", "2.47", linear("6600.5", "2.47")),
    )
    for side, own, other in (("LONG", "A", "B"), ("SHORT", "B", "A"))
    for frame in (
        fills(OURS, hyperliquid(name, own, price, size)),
        fills(THEIRS, hyperliquid(name, other, price, size, crossed=False)),
        fills(
            THEIRS,
            hyperliquid(name, other, price, size, method="backstop", dir=f"Liquidated Cross {side.title()}"),
        ),
        json.dumps({"block_number": 1, "events": [[OURS, hyperliquid(name, own, price, size)]]}),
        json.dumps([OURS, hyperliquid(name, own, price, size)]),
    )
]
GATE = [
    Case("gate", gate(name, sign, price, size, whole=whole), instrument, symbol, side, "limit", *numbers)
    for name, instrument, symbol, price, size, numbers in (
        ("BTC_USDT", "BTCUSDT-PERP", "BTCUSDT", "215.1", "124.5", linear("215.1", "124.5", "0.0001")),
        ("PEPE_USDT", "PEPEUSDT-PERP", "PEPEUSDT", "0.0000121", "3", linear("0.0000121", "3", "10000000")),
        ("ETH_USDT_20261225", "ETHUSDT-261225", "ETHUSDT", "2446.26", "500", linear("2446.26", "500", "0.01")),
        ("BTC_USD", "BTCUSD-PERP", "BTCUSDT", "82651.9", "124", inverse("82651.9", "124")),
    )
    for sign, side in (("", "LONG"), ("-", "SHORT"))
    for whole in (True, False)
]
HTX = [
    Case("htx", htx(name, order, price, size, coins=coins), instrument, symbol, side, "bankruptcy", *numbers)
    for name, instrument, symbol, price, size, coins, numbers in (
        ("BTC-USDT", "BTCUSDT-PERP", "BTCUSDT", "23350.5", "227", "0.227", linear("23350.5", "0.227")),
        ("ETH-USDT-261225", "ETHUSDT-261225", "ETHUSDT", "2446.26", "500", "5", linear("2446.26", "5")),
        ("NEVERSEEN-USDT", "NEVERSEENUSDT-PERP", "NEVERSEENUSDT", "1.25", "37", "3.7", linear("1.25", "3.7")),
        ("BTC-USD", "BTCUSD-PERP", "BTCUSDT", "17102.9", "173", "1.01152", inverse("17102.9", "173", "100")),
        ("ETH-USD", "ETHUSD-PERP", "ETHUSDT", "229.95", "231", None, inverse("229.95", "231", "10")),
        ("BTC261225", "BTCUSD-261225", "BTCUSDT", "9062.71", "1450", None, inverse("9062.71", "1450", "100")),
        ("ETH261225", "ETHUSD-261225", "ETHUSDT", "229.95", "231", None, inverse("229.95", "231", "10")),
    )
    for order, side in (("sell", "LONG"), ("buy", "SHORT"))
]
BITGET = [
    Case("bitget", bitget(kind, name, position, price, amount), instrument, symbol, side, "bankruptcy", *numbers)
    for kind, name, instrument, symbol, price, amount, numbers in (
        (
            *("usdt-futures", "APEUSDT", "APEUSDT-PERP", "APEUSDT", "0.1649", "13.70319"),
            quoted("0.1649", "13.70319"),
        ),
        (
            *("usdt-futures", "1000BONKUSDT", "1000BONKUSDT-PERP", "BONKUSDT", "0.02", "50"),
            quoted("0.02", "50", "1000"),
        ),
        ("usdc-futures", "BTCPERP", "BTCUSDC-PERP", "BTCUSDT", "89000", "37.722858", quoted("89000", "37.722858")),
    )
    for position, side in (("buy", "LONG"), ("sell", "SHORT"))
]
KRAKEN_FUTURES = [
    Case("krakenfutures", krakenfutures(name, order, price, size), instrument, symbol, side, "average", *numbers)
    for name, instrument, symbol, price, size, numbers in (
        ("PF_XBTUSD", "BTCUSD-PERP", "BTCUSDT", "90771.5", "0.0113", linear("90771.5", "0.0113")),
        ("PF_PEPEUSD", "PEPEUSD-PERP", "PEPEUSDT", "0.0000123", "875000", linear("0.0000123", "875000")),
        ("FF_ETHUSD_261225", "ETHUSD-261225", "ETHUSDT", "2500.25", "1.5", linear("2500.25", "1.5")),
        ("PI_ETHUSD", "PI_ETHUSD-PERP", "ETHUSDT", "231.6", "250", inverse("231.6", "250")),
        ("FI_XBTUSD_261225", "FI_XBTUSD-261225", "BTCUSDT", "91000.5", "15000", inverse("91000.5", "15000")),
    )
    for order, side in (("sell", "LONG"), ("buy", "SHORT"))
]
DERIBIT = [
    Case("deribit", deribit(name, flag, order, price, size), instrument, symbol, side, "average", *numbers)
    for name, instrument, symbol, price, size, numbers in (
        ("BTC-PERPETUAL", "BTCUSD-PERP", "BTCUSDT", "4469.5", "1120", inverse("4469.5", "1120")),
        ("ETH-25DEC26", "ETHUSD-261225", "ETHUSDT", "2500.25", "777", inverse("2500.25", "777")),
        ("SOL_USDC-PERPETUAL", "SOLUSDC-PERP", "SOLUSDT", "128.35", "106.5", linear("128.35", "106.5")),
        ("BTC_USDC-5DEC26", "BTCUSDC-261205", "BTCUSDT", "83000.5", "0.01", linear("83000.5", "0.01")),
    )
    for flag, order, side in (
        *(("T", "sell", "LONG"), ("M", "buy", "LONG")),
        *(("T", "buy", "SHORT"), ("M", "sell", "SHORT")),
    )
]
DYDX = [
    Case("dydx", dydx(name, order, price, size), instrument, symbol, side, "average", *numbers)
    for name, instrument, symbol, price, size, numbers in (
        ("BTC-USD", "BTCUSD-PERP", "BTCUSDT", "60397", "0.002", linear("60397", "0.002")),
        ("SHIB-USD", "SHIBUSD-PERP", "SHIBUSDT", "0.0000123", "3000000", linear("0.0000123", "3000000")),
        ("CAT,RAY,9BB6-USD", "CAT,RAY,9BB6USD-PERP", "CATUSDT", "0.5", "3.9", linear("0.5", "3.9")),
    )
    for order, side in (("SELL", "LONG"), ("BUY", "SHORT"))
]
CASES = [*BINANCE, *BYBIT, *OKX, *HYPERLIQUID, *GATE, *HTX, *BITGET, *KRAKEN_FUTURES, *DERIBIT, *DYDX]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.instrument}.{case.venue}-{case.side}" for case in CASES])
def test_a_frame_becomes_one_canonical_row(case: Case) -> None:
    """The side is the position that died; price, coins and USD are exact to the cent and far beyond."""
    found = Normalizer(venues.find(case.venue)).feed([case.frame.encode()])
    assert not found.bad
    (row,) = found.rows
    assert (row.venue, row.instrument) == (case.venue, f"{case.instrument}.{case.venue.upper()}")
    assert (row.symbol, row.liquidated_side, row.price_kind) == (case.symbol, case.side, case.kind)
    assert row.ts_event_ns == TS * 1_000_000
    told = (row.price, row.quantity, row.notional_usd)
    assert told == pytest.approx([float(each) for each in (case.price, case.quantity, case.notional)], rel=1e-12)
    assert abs(row.notional_usd - float(case.notional)) < 0.005
