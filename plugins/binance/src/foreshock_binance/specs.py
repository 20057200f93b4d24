"""Binance's contracts: by the rules of their names, from the packaged table, from exchangeInfo.

Source: USD-M and COIN-M derivatives documentation, `GET /fapi/v1/exchangeInfo` and `GET
/dapi/v1/exchangeInfo`, checked 2026-11-20. USD-M sizes are coins, so a name says all. COIN-M sizes are
contracts of 100 USD for BTC and 10 USD for every other coin (recorded 2021-07, the oldest value here;
exchangeInfo's contractSize wins).
"""

from __future__ import annotations

import re

import msgspec

from foreshock_sdk import FrameError, InstrumentSpec, SpecTable
from foreshock_sdk.naming import peel_multiplier, split_quote

VENUE = "binance"
CHECKED = "2026-11-20"
QUOTES = ("USDT", "FDUSD", "BUSD", "USDC", "BTC", "ETH", "BNB")
"""Quotes of USD-M contracts; the last five are rare or retired."""
COIN_MARGINED = re.compile(r"(?P<base>.+)USD_(?:PERP|(?P<expiry>\d{6}))")
DATED = re.compile(r"(?P<pair>.+)_(?P<expiry>\d{6})")
BTC_CONTRACT_USD = 100.0
COIN_CONTRACT_USD = 10.0

PACKAGED = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT", "ADAUSDT", "AVAXUSDT", "LINKUSDT"),
    *("LTCUSDT", "DOTUSDT", "UNIUSDT", "ATOMUSDT", "TRXUSDT", "XLMUSDT", "NEARUSDT", "ETCUSDT", "BCHUSDT"),
    *("FILUSDT", "SUIUSDT", "APTUSDT", "ARBUSDT", "OPUSDT", "HYPEUSDT", "1INCHUSDT", "4USDT", "币安人生USDT"),
    *("1000PEPEUSDT", "1000SHIBUSDT", "1000BONKUSDT", "1000FLOKIUSDT", "1000LUNCUSDT", "1000CATUSDT"),
    *("1000RATSUSDT", "1000SATSUSDT", "1000XECUSDT", "1MBABYDOGEUSDT", "BTCUSDC", "ETHUSDC", "ETHBTC"),
    *("BTCUSDT_261225", "BTCUSD_PERP", "ETHUSD_PERP", "BNBUSD_PERP", "ADAUSD_PERP", "XRPUSD_PERP"),
    *("DOTUSD_PERP", "LINKUSD_PERP", "LTCUSD_PERP", "BCHUSD_PERP", "ETCUSD_PERP", "FILUSD_PERP"),
    *("DOGEUSD_PERP", "TRXUSD_PERP", "SOLUSD_PERP", "BTCUSD_261225", "ETHUSD_261225"),
)


def by_name(raw_symbol: str) -> InstrumentSpec:
    """Read a contract from its name. Raises FrameError for a name that follows no rule.

    The shape of the name tells COIN-M from USD-M; the field `st` does not (the venue's own fixtures have it
    wrong).
    """
    coin = COIN_MARGINED.fullmatch(raw_symbol)
    if coin is not None:
        value = BTC_CONTRACT_USD if coin["base"] == "BTC" else COIN_CONTRACT_USD
        return _spec(raw_symbol, coin["base"], "USD", contract_value=value, expiry=coin["expiry"] or "")
    dated = DATED.fullmatch(raw_symbol)
    pair, expiry = (dated["pair"], dated["expiry"]) if dated else (raw_symbol, "")
    split = None if "_" in pair else split_quote(pair, QUOTES)
    if split is None:
        raise FrameError(f"contract {raw_symbol!r} is unknown and its name follows no rule")
    return _spec(raw_symbol, *split, expiry=expiry)


def _spec(
    raw_symbol: str, base: str, quote: str, *, contract_value: float | None = None, expiry: str = ""
) -> InstrumentSpec:
    coin, multiplier = peel_multiplier(base)
    return InstrumentSpec(
        venue=VENUE,
        raw_symbol=raw_symbol,
        base=coin,
        quote=quote,
        contract_value=1.0 if contract_value is None else contract_value,
        inverse=contract_value is not None,
        multiplier=multiplier,
        expiry=expiry,
        contract_base=base if base != coin else "",
        packaged=True,
    )


def packaged_specs() -> SpecTable:
    """Return the table for when REST does not answer."""
    return SpecTable(CHECKED, tuple(by_name(each) for each in PACKAGED))


class _Symbol(msgspec.Struct):
    symbol: str
    baseAsset: str  # noqa: N815 - the venue's spelling
    quoteAsset: str  # noqa: N815
    contractSize: float | None = None  # noqa: N815


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


def parse_exchange_info(body: bytes) -> list[InstrumentSpec]:
    """Read an answer of exchangeInfo, USD-M or COIN-M. Raises FrameError."""
    try:
        listed = msgspec.json.decode(body, type=_ExchangeInfo, strict=False).symbols
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"exchangeInfo: {error}") from error
    return [_listed(each) for each in listed]


def _listed(row: _Symbol) -> InstrumentSpec:
    expiry = row.symbol.rpartition("_")[2]
    spec = _spec(
        row.symbol,
        row.baseAsset,
        row.quoteAsset,
        contract_value=row.contractSize,
        expiry=expiry if expiry.isdigit() and "_" in row.symbol else "",
    )
    return msgspec.structs.replace(spec, packaged=False)
