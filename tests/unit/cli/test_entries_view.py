"""What stands in the streams, as plain values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from foreshock_cli.__main__ import main
from foreshock_cli.entries_view import batch_view, entry_view
from foreshock_cli.exits import Exit
from foreshock_model import batch
from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, EventBatch, InstrumentRef
from foreshock_model.entries import InputEntry
from foreshock_model.errors import CodecError

REF = InstrumentRef("binance", "PEPEUSDT", "1000PEPEUSDT-PERP.BINANCE", "1000PEPEUSDT", 1000.0, 4)
LIQUIDATION = (0, 1, 0, 5, 0.000_018, 1e6, 18.0, 1_795_000_000_000_000_000, 1_795_000_000_100_000_000, 0xABC)
CONTEXT = (0, 0, 0.000_018, 1_795_000_000_000_000_000, 1_795_000_000_100_000_000)


def encoded(liquidation: tuple[float, ...] = LIQUIDATION) -> bytes:
    liquidations = {
        name: np.array([value], dtype) for (name, dtype), value in zip(LIQUIDATION_COLUMNS, liquidation, strict=True)
    }
    context = {name: np.array([value], dtype) for (name, dtype), value in zip(CONTEXT_COLUMNS, CONTEXT, strict=True)}
    return batch.encode(EventBatch((REF,), liquidations, context))


def entry(kind: str, data: bytes) -> dict[bytes, bytes]:
    return InputEntry(kind, "feeds", 3, 17, 1_795_000_000_000_000_000, data).to_fields()


def test_a_batch_shows_every_row_with_its_contract_and_names_for_numbers() -> None:
    view = batch_view(encoded())
    assert view["liquidations"] == [
        {
            "venue": "binance",
            "symbol": "PEPEUSDT",
            "instrument": "1000PEPEUSDT-PERP.BINANCE",
            "raw_symbol": "1000PEPEUSDT",
            "multiplier": 1000.0,
            "spec_version": 4,
            "liquidated_side": "SHORT",
            "price_kind": "average",
            "flags": ["CLAMPED", "REPLAYED"],
            "price": 0.000_018,
            "quantity": 1e6,
            "notional_usd": 18.0,
            "ts_event": 1_795_000_000_000_000_000,
            "ts_recv": 1_795_000_000_100_000_000,
            "event_id": "0000000000000abc",
        }
    ]
    assert view["context"][0]["field"] == "mark"


def test_a_number_of_a_newer_version_shows_as_itself() -> None:
    (row,) = batch_view(encoded((0, 9, 8, *LIQUIDATION[3:])))["liquidations"]
    assert (row["liquidated_side"], row["price_kind"]) == ("9", "8")


def test_without_decode_an_entry_is_its_head() -> None:
    assert entry_view("1-2", entry("batch", b"not a batch"), decode=False) == {
        "id": "1-2",
        "kind": "batch",
        "writer": "feeds",
        "epoch": 3,
        "seq": 17,
        "clock": 1_795_000_000_000_000_000,
        "bytes": 11,
    }


@pytest.mark.parametrize(("data", "expected"), [(b"", None), (b'{"routes":{}}', {"routes": {}})])
def test_other_kinds_carry_json_or_nothing(data: bytes, expected: object) -> None:
    assert entry_view("1-2", entry("tick", data), decode=True)["data"] == expected


@pytest.mark.parametrize("fields", [entry("tick", b"{"), entry("batch", b"\xff"), {}])
def test_what_is_not_an_entry_is_refused(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(CodecError):
        entry_view("1-2", fields, decode=True)


def test_the_command_decodes_raw_bytes_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "batch.bin").write_bytes(encoded())
    assert main(["events", "--decode", str(tmp_path / "batch.bin")]) == Exit.OK
    assert json.loads(capsys.readouterr().out) == batch_view(encoded())


def test_the_command_names_what_is_wrong_with_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "batch.bin").write_bytes(encoded()[:-3])
    assert main(["events", str(tmp_path / "batch.bin")]) == Exit.FAILED
    assert "not an EventBatch" in capsys.readouterr().err
