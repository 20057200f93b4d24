"""OKX's contracts: from public/instruments, or from the packaged table of contract values.

A size is a number of contracts, worth ctVal x ctMult coins (linear) or USD (inverse). That value is in no
name, so it is never guessed: a contract that neither source knows is a fault of its row. Source: v5
documentation, "Get instruments", checked 2026-11-20; contract_values.json says how old each value is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import msgspec

from foreshock_sdk import FrameError, InstrumentSpec, SpecTable
from foreshock_sdk.reading import Positive

VENUE = "okx"
NAME = re.compile(r"(?P<family>[^-]+-[^-]+)-(?:SWAP|(?P<expiry>\d{6}))")


class _Group(msgspec.Struct):
    as_of: str
    source: str
    linear: dict[str, float] = {}
    inverse: dict[str, float] = {}


class _Values(msgspec.Struct):
    checked: str
    groups: list[_Group]

    def of(self, family: str) -> tuple[float, bool] | None:
        """Return (contract value, inverse) of a family, None when the table lacks it."""
        for group in self.groups:
            if family in group.linear:
                return group.linear[family], False
            if family in group.inverse:
                return group.inverse[family], True
        return None


@cache
def _values() -> _Values:
    body = files("foreshock_okx").joinpath("contract_values.json").read_bytes()
    return msgspec.json.decode(body, type=_Values)


def by_name(raw_symbol: str) -> InstrumentSpec:
    """Read a contract from its name and the packaged table. Raises FrameError when that lacks its family."""
    name = NAME.fullmatch(raw_symbol)
    value = _values().of(name["family"]) if name else None
    if name is None or value is None:
        raise FrameError(f"contract value of {raw_symbol} is unknown")
    return _spec(raw_symbol, name["family"], value, expiry=name["expiry"] or "", packaged=True)


def _spec(raw_symbol: str, family: str, value: tuple[float, bool], *, expiry: str, packaged: bool) -> InstrumentSpec:
    """Build a spec; the family of an X-Perp reads BTC-USD_UM_XPERP."""
    base, _, quote = family.partition("-")
    return InstrumentSpec(
        venue=VENUE,
        raw_symbol=raw_symbol,
        base=base,
        quote=quote.partition("_")[0],
        contract_value=value[0],
        inverse=value[1],
        expiry=expiry,
        packaged=packaged,
    )


def packaged_specs() -> SpecTable:
    """Return the table for when REST does not answer: the perpetuals; dated ones are read as they come."""
    values = _values()
    families = [family for group in values.groups for family in (*group.linear, *group.inverse)]
    return SpecTable(values.checked, tuple(by_name(f"{family}-SWAP") for family in families))


class _Instrument(msgspec.Struct, rename="camel"):
    inst_id: str
    inst_type: str
    ct_type: str
    ct_val_ccy: str
    ct_val: Positive
    ct_mult: Positive
    inst_family: str = ""
    uly: str = ""
    exp_time: str = ""


class _Answer(msgspec.Struct):
    code: str
    data: list[dict[str, object]]
    msg: str = ""


def parse_instruments(body: bytes) -> list[InstrumentSpec]:
    """Read an answer of public/instruments. Raises FrameError, also when the venue answers with an error.

    A row without a usable contract value (a listing that has not opened, a new kind of contract) is left out.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"public/instruments: {error}") from error
    if answer.code != "0":
        raise FrameError(f"public/instruments: code {answer.code} {answer.msg}")
    return [spec for row in answer.data if (spec := _listed(row)) is not None]


def _listed(row: dict[str, object]) -> InstrumentSpec | None:
    try:
        each = msgspec.convert(row, _Instrument, strict=False)
    except msgspec.ValidationError:
        return None
    family = each.inst_family or each.uly
    base, _, quote = family.partition("-")
    inverse = each.ct_type == "inverse"
    if each.ct_val_ccy != (quote if inverse else base) or each.ct_type not in {"inverse", "linear"}:
        return None
    value = (each.ct_val * each.ct_mult, inverse)
    return _spec(each.inst_id, family, value, expiry=_expiry(each), packaged=False)


def _expiry(each: _Instrument) -> str:
    if each.inst_type == "SWAP":
        return ""
    last = each.inst_id.rpartition("-")[2]
    if len(last) == len("YYMMDD") and last.isdigit():
        return last
    return datetime.fromtimestamp(int(each.exp_time) / 1000, UTC).strftime("%y%m%d") if each.exp_time else ""
