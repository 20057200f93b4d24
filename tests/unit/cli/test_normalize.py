"""`foreshock normalize`, with the installed venues' own connectors."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_cli import venues
from foreshock_cli.__main__ import main
from foreshock_cli.exits import CommandError, Exit
from foreshock_cli.normalizing import Normalizer, parse_specs
from foreshock_feeds.domain import recording
from foreshock_feeds.domain.recording import ContractsData, Kind, Recorded
from foreshock_sdk.columns import Decoded, Fault
from foreshock_sdk.errors import FrameError
from foreshock_sdk.instruments import Instruments, InstrumentSpec

KEYS = [
    "venue",
    "symbol",
    "instrument",
    "raw_symbol",
    "liquidated_side",
    "price",
    "price_kind",
    "quantity",
    "notional_usd",
    "ts_event_ns",
    "event_id",
    "spec_version",
]


def binance(symbol: str = "BTCUSDT", side: str = "SELL", size: str = "0.190", **more: Any) -> str:
    order: dict[str, Any] = {
        "s": symbol,
        "S": side,
        "o": "LIMIT",
        "f": "IOC",
        "q": size,
        "p": "82338.30",
        "ap": "82651.90",
    }
    order |= {"X": "FILLED", "l": size, "z": size, "T": 1_791_565_602_120} | more
    return json.dumps(
        {"stream": "!forceOrder@arr", "data": {"e": "forceOrder", "E": 1_791_565_603_055, "o": order}},
        ensure_ascii=False,
    )


def okx(*details: dict[str, str], contract: str = "BTC-USDT-SWAP") -> str:
    row = {"instId": contract, "instType": "SWAP", "details": list(details)}
    return json.dumps({"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [row]})


LONG = {"bkPx": "82655.7", "posSide": "long", "side": "sell", "sz": "8.55", "ts": "1791565600771"}


class Shown:
    """What a run of the command wrote."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.rows = [json.loads(line) for line in out.splitlines()]
        self.bad = [json.loads(line) for line in err.splitlines()]


def normalize(
    venue: str, *lines: str | bytes, capsys: pytest.CaptureFixture[str], options: tuple[str, ...] = (), path: Path
) -> Shown:
    data = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    file = path / "frames.jsonl"
    file.write_bytes(data)
    code = main(["normalize", venue, *options, str(file)])
    captured = capsys.readouterr()
    return Shown(code, captured.out, captured.err)


def test_a_liquidation_has_exactly_the_canonical_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = normalize("binance", binance(), capsys=capsys, path=tmp_path)
    (row,) = shown.rows
    assert list(row) == KEYS
    event_id = row.pop("event_id")
    assert int(event_id, 16) >= 0
    assert len(event_id) == 16
    assert row == {
        "venue": "binance",
        "symbol": "BTCUSDT",
        "instrument": "BTCUSDT-PERP.BINANCE",
        "raw_symbol": "BTCUSDT",
        "liquidated_side": "LONG",
        "price": 82651.9,
        "price_kind": "average",
        "quantity": 0.19,
        "notional_usd": pytest.approx(15703.861),
        "ts_event_ns": 1_791_565_602_120_000_000,
        "spec_version": 0,
    }
    assert (shown.code, shown.bad) == (Exit.OK, [])


def test_multipliers_leave_price_and_quantity_and_keep_the_notional(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = normalize("binance", binance("1000PEPEUSDT", "BUY", "2000", ap="0.018"), capsys=capsys, path=tmp_path).rows
    assert (row["symbol"], row["raw_symbol"], row["liquidated_side"]) == ("PEPEUSDT", "1000PEPEUSDT", "SHORT")
    assert row["price"] == pytest.approx(0.000_018)
    assert row["quantity"] == 2_000_000
    assert row["notional_usd"] == pytest.approx(36.0)


def test_a_row_without_a_value_in_usd_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = normalize("binance", binance("ETHBTC", ap="0.05"), binance(), capsys=capsys, path=tmp_path)
    assert [row["symbol"] for row in shown.rows] == ["BTCUSDT"]
    assert [(bad["line"], bad["row"]) for bad in shown.bad] == [(1, 0)]
    assert shown.bad[0]["reason"] == "ETHBTC is quoted in BTC: its value in USD is not known"


def test_names_that_are_not_ascii_stay_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = normalize("binance", binance("币安人生USDT"), capsys=capsys, path=tmp_path).rows
    assert row["raw_symbol"] == "币安人生USDT"


def test_bad_lines_and_rows_are_named_and_every_good_one_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = normalize(
        "okx",
        okx(LONG),
        "{not json",
        b"\xff\xfe",
        "",
        okx(LONG | {"sz": "-1"}, LONG | {"ts": "1791565600772"}),
        okx(LONG | {"ts": "1791565600773"}),
        capsys=capsys,
        path=tmp_path,
    )
    assert shown.code == Exit.FAILED
    assert [row["ts_event_ns"] // 1_000_000 for row in shown.rows] == [1791565600771, 1791565600772, 1791565600773]
    assert [(bad["line"], bad["row"]) for bad in shown.bad] == [(2, None), (3, None), (5, 0)]
    assert all(bad["reason"] for bad in shown.bad)


def test_other_known_frames_are_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = normalize(
        "okx",
        "pong",
        '{"event":"subscribe","arg":{"channel":"liquidation-orders","instType":"SWAP"}}',
        '{"arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"data":[{"instId":"BTC-USDT-SWAP",'
        '"instType":"SWAP","markPx":"1","ts":"1791565600771"}]}',
        capsys=capsys,
        path=tmp_path,
    )
    assert (shown.code, shown.rows, shown.bad) == (Exit.OK, [], [])


def test_exact_duplicates_stay_and_twins_of_one_frame_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = normalize("okx", okx(LONG, LONG), okx(LONG, LONG), capsys=capsys, path=tmp_path)
    first, twin, again, again_twin = (row["event_id"] for row in shown.rows)
    assert first == again != twin == again_twin


class Boundless:
    """A third party's connector that lets through whatever it is told: `side price size`, `bad` for a fault."""

    def __getattr__(self, name: str) -> Any:
        return getattr(venues.find("okx"), name)

    def decoder(self, _: object, instruments: Instruments) -> Any:
        index = instruments.find("BTC-USDT-SWAP")
        assert index is not None
        return SimpleNamespace(feed=lambda frames: self._feed(frames, index))

    @staticmethod
    def _feed(frames: list[bytes], index: int) -> Decoded:
        found = Decoded()
        raw = found.liquidations
        for number, frame in enumerate(frames):
            for row, word in enumerate(frame.decode().split()):
                if word == "bad":
                    found.faults.append(Fault(number, row, "bad"))
                    continue
                price, size = map(float, word.split("x"))
                for column, value in (("frame", number), ("instrument", index), ("side", 0), ("price", price)):
                    getattr(raw, column).append(value)
                for column, value in (("price_kind", 0), ("size", size), ("ts_event_ms", 1), ("flags", 0)):
                    getattr(raw, column).append(value)
                raw.identity_a.append(price)
                raw.identity_b.append(0.0)
        return found


def test_amounts_that_overflow_are_bad_rows_not_broken_json() -> None:
    connector: Any = Boundless()
    found = Normalizer(connector).feed([b"1x1 bad 1e200x1e200 2x2 1e300x1e300", b"", b"1e200x1e200"])
    assert [row.price for row in found.rows] == [1.0, 2.0]
    assert [(bad.line, bad.row) for bad in found.bad] == [(1, 1), (1, 2), (1, 4), (3, 0)]


def test_a_batch_of_one_row_a_frame_needs_no_frame_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def feed(frames: list[bytes], index: int) -> Decoded:
        found = original(frames, index)
        found.liquidations.frame = None
        return found

    original = Boundless._feed
    monkeypatch.setattr(Boundless, "_feed", staticmethod(feed))
    connector: Any = Boundless()
    found = Normalizer(connector).feed([b"1x1", b"1e200x1e200"])
    assert [(bad.line, bad.row) for bad in found.bad] == [(2, 0)]


def test_specs_from_a_file_replace_the_packaged_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract = {
        "instId": "BTC-USDT-SWAP",
        "instType": "SWAP",
        "ctVal": "0.5",
        "ctMult": "1",
        "ctValCcy": "BTC",
        "ctType": "linear",
        "settleCcy": "USDT",
        "uly": "BTC-USDT",
        "instFamily": "BTC-USDT",
        "state": "live",
    }
    specs = tmp_path / "instruments.json"
    specs.write_text(json.dumps({"code": "0", "msg": "", "data": [contract]}))
    shown = normalize("okx", okx(LONG), capsys=capsys, options=("--specs", str(specs)), path=tmp_path)
    assert [row["quantity"] for row in shown.rows] == [4.275]


def test_a_contract_whose_value_nobody_knows_is_a_bad_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = normalize("okx", okx(LONG, contract="NEWCOIN-USDT-SWAP"), capsys=capsys, path=tmp_path)
    assert (shown.code, shown.rows) == (Exit.FAILED, [])
    assert "NEWCOIN-USDT-SWAP" in shown.bad[0]["reason"]


def test_a_file_that_is_no_list_of_contracts_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    specs = tmp_path / "specs.json"
    specs.write_text("[]")
    assert main(["normalize", "bybit", "--specs", str(specs), os.devnull]) == Exit.FAILED
    assert f"{specs} is not a list of bybit's contracts" in capsys.readouterr().err
    with pytest.raises(FrameError):
        parse_specs(venues.find("okx"), b"{}")


def test_an_unknown_venue_is_answered_with_those_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["normalize", "ftx"]) == Exit.USAGE
    told = capsys.readouterr().err
    assert "installed: binance, bitget, bybit, " in told
    assert "okx" in told


def test_venues_are_checked_all_at_once() -> None:
    assert venues.check(["okx", "binance"]) == ("okx", "binance")
    with pytest.raises(CommandError, match="'ftx'"):
        venues.check(["okx", "ftx"])


def test_gzip_is_read_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "frames.jsonl.gz"
    path.write_bytes(gzip.compress(binance().encode()))
    assert main(["normalize", "binance", str(path)]) == Exit.OK
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_recorded_lines_are_frames_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = json.dumps({"ts_recv": 1, "frame": json.loads(binance())})
    text = json.dumps({"frame": binance(), "ts_recv": 1})
    shown = normalize("binance", line, text, binance(), capsys=capsys, path=tmp_path)
    assert len({row["event_id"] for row in shown.rows}) == 1
    assert len(shown.rows) == 3


def test_rows_come_while_the_pipe_is_still_open() -> None:
    command = [sys.executable, "-m", "foreshock_cli", "normalize", "binance"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(binance().encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["symbol"] == "BTCUSDT"
        process.stdin.close()
        assert process.wait(30) == Exit.OK


@given(st.lists(st.one_of(st.binary(max_size=60), st.just(binance().encode())), max_size=12))
def test_nothing_a_line_holds_stops_the_rest(lines: list[bytes]) -> None:
    normalizer = Normalizer(venues.find("binance"))
    flat = [line for each in lines for line in each.split(b"\n")]
    found = normalizer.feed(flat)
    assert len(found.rows) >= flat.count(binance().encode())
    json.loads(f"[{','.join(json.dumps(bad.reason) for bad in found.bad)}]")


@given(st.integers(1, 5))
def test_how_lines_are_grouped_changes_nothing(size: int) -> None:
    lines = [okx(LONG | {"ts": str(1791565600771 + at)}, LONG | {"sz": "0"}).encode() for at in range(6)]
    whole = Normalizer(venues.find("okx")).feed(lines)
    normalizer = Normalizer(venues.find("okx"))
    parts = [normalizer.feed(lines[at : at + size]) for at in range(0, len(lines), size)]
    assert [row for part in parts for row in part.rows] == whole.rows
    assert [bad for part in parts for bad in part.bad] == whole.bad


def test_stdin_is_the_default(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(binance().encode())))
    assert main(["normalize", "binance"]) == Exit.OK
    assert len(capsys.readouterr().out.splitlines()) == 1


COIN = {"symbol": "BTCUSD_CM", "side": "sell", "price": "60000", "amount": "600", "ts": "1777358886549"}
BITGET = {"action": "update", "arg": {"instType": "coin-futures", "topic": "liquidation"}, "data": [COIN], "ts": 1}


@pytest.mark.parametrize(("value", "notional"), [("quote", 600.0), ("base", 36_000_000.0)])
def test_an_option_of_the_venue_says_what_is_not_documented(
    value: str, notional: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "frames.jsonl"
    file.write_text(json.dumps(BITGET) + "\n")
    assert main(["normalize", "bitget", str(file), "--option", f"coin_futures_amount={value}"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["notional_usd"] == notional


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("coin_futures_amount=some", "--option coin_futures_amount: 'some': Invalid enum value 'some'"),
        ("amount=1", "--option amount: 1: bitget has no such option; there are coin_futures_amount"),
        ("amount", "--option 'amount' is not NAME=VALUE"),
    ],
)
def test_a_wrong_option_is_named(option: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["normalize", "bitget", "--option", option]) == Exit.USAGE
    assert words in capsys.readouterr().err


def test_what_a_venue_tells_of_the_past_is_no_news(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trade = {"id": "014f495a0000000200000005", "side": "SELL", "size": "3.9", "price": "22.87", "type": "LIQUIDATED"}
    contents = {"trades": [{**trade, "createdAt": "2024-08-04T07:34:50.628Z"}]}
    frame = {"type": "subscribed", "id": "LINK-USD", "channel": "v4_trades", "contents": contents}
    file = tmp_path / "frames.jsonl"
    file.write_text(json.dumps({"connection_id": "x", "message_id": 1, **frame}) + "\n")
    assert main(["normalize", "dydx", str(file)]) == Exit.OK
    assert not capsys.readouterr().out
    assert main(["normalize", "dydx", str(file), "--snapshots"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["symbol"] == "LINKUSDT"


def recorded(route: str, frame: bytes) -> bytes:
    return recording.encode([Recorded(frame, 1_700_000_000 * 10**9, route=route, connection=1)]).strip()


def test_a_recording_brings_its_own_contracts_and_frames_as_they_were_on_the_wire(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = InstrumentSpec(venue="htx", raw_symbol="NEW-USDT", base="NEW", quote="USDT", contract_value=5.0)
    data = msgspec.json.encode(ContractsData("htx", (spec,), versions={"NEW-USDT": 3}))
    contracts = recording.encode([Recorded(b"", 1, Kind.CONTRACTS, data=data)]).strip()
    row = {"symbol": "NEW", "contract_code": "NEW-USDT", "direction": "sell", "offset": "close", "volume": 4}
    notice = {"op": "notify", "topic": "public.*.liquidation_orders", "ts": 1_700_000_000_100}
    frame = gzip.compress(json.dumps(notice | {"data": [row | {"price": 2, "created_at": 1_700_000_000_000}]}).encode())
    line = recorded("htx/linear-swap", frame)
    shown = normalize("htx", line, contracts, line, recorded("okx/public-0", b"pong"), capsys=capsys, path=tmp_path)
    assert [(bad["line"], bad["reason"]) for bad in shown.bad] == [(1, "contract value of NEW-USDT is unknown")]
    assert [(each["quantity"], each["notional_usd"], each["spec_version"]) for each in shown.rows] == [(20, 40, 3)]
