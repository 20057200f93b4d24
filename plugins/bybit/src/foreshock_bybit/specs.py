"""Bybit's contracts: by the rules of their names, from the packaged table, from instruments-info.

Source: v5 documentation, "Symbol naming" and `GET /v5/market/instruments-info`, checked 2026-11-20. Linear
sizes are coins and inverse sizes are USD (a contract is 1 USD), so a name says all.
"""

from __future__ import annotations

import re
from calendar import monthcalendar
from datetime import UTC, date, datetime

import msgspec

from foreshock_sdk import FrameError, InstrumentSpec, SpecTable
from foreshock_sdk.naming import peel_multiplier

VENUE = "bybit"
CHECKED = "2026-11-20"
SUFFIXED = {"SHIB1000": ("SHIB", 1000.0)}
"""Multipliers written behind the coin."""
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
QUARTERS = {"H": 3, "M": 6, "U": 9, "Z": 12}
DATED = re.compile(r"(?P<base>.+?)(?P<quote>USDT)?-(?P<day>\d{1,2})(?P<month>[A-Z]{3})(?P<year>\d{2})")
INVERSE_DATED = re.compile(r"(?P<base>.+)USD(?P<quarter>[HMUZ])(?P<year>\d{2})")
PERPETUAL = re.compile(r"(?P<base>.+?)(?P<quote>USDT|PERP|USD)")
FRIDAY = 4

PACKAGED = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT", "ADAUSDT", "AVAXUSDT", "LINKUSDT"),
    *("LTCUSDT", "DOTUSDT", "UNIUSDT", "ATOMUSDT", "TRXUSDT", "XLMUSDT", "NEARUSDT", "ETCUSDT", "BCHUSDT"),
    *("FILUSDT", "SUIUSDT", "APTUSDT", "ARBUSDT", "OPUSDT", "HYPEUSDT", "ROSEUSDT", "PIPPINUSDT"),
    *("1INCHUSDT", "1000PEPEUSDT", "SHIB1000USDT", "1000BONKUSDT", "1000FLOKIUSDT", "10000SATSUSDT"),
    *("1000000BABYDOGEUSDT", "1000000MOGUSDT", "10000000AIDOGEUSDT", "1000PEPEPERP", "SHIB1000PERP"),
    *("BTCPERP", "ETHPERP", "SOLPERP", "BTCUSDT-25DEC26", "BTC-25DEC26", "ETH-25DEC26", "BTCUSD", "ETHUSD"),
    *("XRPUSD", "SOLUSD", "DOTUSD", "ADAUSD", "LTCUSD", "EOSUSD", "BTCUSDZ26", "ETHUSDZ26"),
)


def by_name(raw_symbol: str) -> InstrumentSpec:
    """Read a contract from its name. Raises FrameError for a name that follows no rule."""
    dated = DATED.fullmatch(raw_symbol)
    if dated and dated["month"] in MONTHS:
        expiry = f"{dated['year']}{MONTHS.index(dated['month']) + 1:02}{int(dated['day']):02}"
        return _spec(raw_symbol, dated["base"], dated["quote"] or "USDC", expiry=expiry)
    quarter = INVERSE_DATED.fullmatch(raw_symbol)
    if quarter:
        expiry = _last_friday(2000 + int(quarter["year"]), QUARTERS[quarter["quarter"]])
        return _spec(raw_symbol, quarter["base"], "USD", expiry=expiry)
    perpetual = None if "-" in raw_symbol else PERPETUAL.fullmatch(raw_symbol)
    if perpetual is None:
        raise FrameError(f"contract {raw_symbol!r} is unknown and its name follows no rule")
    return _spec(raw_symbol, perpetual["base"], perpetual["quote"].replace("PERP", "USDC"))


def _last_friday(year: int, month: int) -> str:
    day = max(week[FRIDAY] for week in monthcalendar(year, month))
    return date(year, month, day).strftime("%y%m%d")


def _spec(raw_symbol: str, base: str, quote: str, *, expiry: str = "", packaged: bool = True) -> InstrumentSpec:
    coin, multiplier = peel_multiplier(base, SUFFIXED)
    return InstrumentSpec(
        venue=VENUE,
        raw_symbol=raw_symbol,
        base=coin,
        quote=quote,
        inverse=quote == "USD",
        multiplier=multiplier,
        expiry=expiry,
        contract_base=base if base != coin else "",
        packaged=packaged,
    )


def packaged_specs() -> SpecTable:
    """Return the table for when REST does not answer."""
    return SpecTable(CHECKED, tuple(by_name(each) for each in PACKAGED))


class _Instrument(msgspec.Struct, rename="camel"):
    symbol: str
    contract_type: str
    base_coin: str
    quote_coin: str
    delivery_time: int = 0


class _Result(msgspec.Struct, rename="camel"):
    instruments: list[_Instrument] = msgspec.field(name="list")
    next_page_cursor: str | None = None


class InstrumentsInfo(msgspec.Struct, rename="camel"):
    """One page of instruments-info."""

    ret_code: int
    ret_msg: str = ""
    result: _Result | None = None


def read_page(body: bytes) -> _Result:
    """Read one page. Raises FrameError, also when the venue answers with an error."""
    try:
        page = msgspec.json.decode(body, type=InstrumentsInfo, strict=False)
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"instruments-info: {error}") from error
    if page.ret_code or page.result is None:
        raise FrameError(f"instruments-info: retCode {page.ret_code} {page.ret_msg}")
    return page.result


def parse_page(body: bytes) -> list[InstrumentSpec]:
    """Read the contracts of one page. Raises FrameError."""
    return [_listed(each) for each in read_page(body).instruments]


def _listed(row: _Instrument) -> InstrumentSpec:
    dated = row.contract_type.endswith("Futures") and row.delivery_time > 0
    expiry = datetime.fromtimestamp(row.delivery_time / 1000, UTC).strftime("%y%m%d") if dated else ""
    return _spec(row.symbol, row.base_coin, row.quote_coin, expiry=expiry, packaged=False)
