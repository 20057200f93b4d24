from __future__ import annotations

import msgspec
import pytest

from foreshock_sdk import FrameError, Instruments, InstrumentSpec
from foreshock_sdk import reading as reading_module
from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive, SpellingIndex


def learn(raw_symbol: str) -> InstrumentSpec:
    return InstrumentSpec(venue="v", raw_symbol=raw_symbol, base=raw_symbol, quote="USDT")


def refused(kind: object, text: str) -> bool:
    try:
        msgspec.json.decode(text, type=kind, strict=False)
    except msgspec.ValidationError:
        return True
    return False


@pytest.mark.parametrize("text", ['"0"', '"-1"', '"nan"', '"inf"', '"1e-19"', '"1e18"', '"1e999"', '""', "null", "[]"])
def test_a_price_is_positive_and_finite(text: str) -> None:
    assert refused(Positive, text)


@pytest.mark.parametrize("text", ['"0.00000001"', "1", '"999999999999"', "1e17"])
def test_prices_pass(text: str) -> None:
    assert not refused(Positive, text)


def test_numbers_that_may_be_zero_or_negative() -> None:
    assert not refused(NonNegative, '"0"')
    assert refused(NonNegative, '"-0.1"')
    assert not refused(Finite, '"-0.0003"')
    assert refused(Finite, '"-inf"')


@pytest.mark.parametrize("text", ["0", "-1", "4102444800000", '"soon"', "1.5", "99999999999999999999"])
def test_times_lie_between_1970_and_2100(text: str) -> None:
    assert refused(Millis, text)


def test_a_spelling_is_learned_once() -> None:
    instruments = Instruments("v")
    index = SpellingIndex(instruments, learn)
    assert [index.of("AAA"), index.of("BBB"), index.of("AAA")] == [0, 1, 0]
    assert index.known == {"AAA": 0, "BBB": 1}
    assert len(instruments) == 2


def test_a_frame_that_tells_of_its_contract_is_believed() -> None:
    instruments = Instruments("v")
    index = SpellingIndex(instruments, learn)
    told = msgspec.structs.replace(learn("AAA"), contract_value=0.1)
    assert index.of("AAA", lambda _: told) == index.of("AAA") == 0
    assert instruments.specs == [told]


def test_a_contract_of_the_table_is_not_learned() -> None:
    instruments = Instruments("v", [learn("AAA")])
    assert SpellingIndex(instruments, lambda _: pytest.fail("learned")).of("AAA") == 0


@pytest.mark.parametrize("spelling", ["", "A B", "A\nB", "\x00", "\ud800", "X" * 41])
def test_what_is_no_name_is_refused(spelling: str) -> None:
    with pytest.raises(FrameError, match="not a contract's name"):
        SpellingIndex(Instruments("v"), learn).of(spelling)


def test_the_table_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "MOST_CONTRACTS", 2)
    index = SpellingIndex(Instruments("v"), learn)
    index.of("AAA")
    index.of("BBB")
    with pytest.raises(FrameError, match="table of contracts is full"):
        index.of("CCC")
    assert index.of("AAA") == 0


def test_a_refusal_is_not_remembered() -> None:
    """The venue's list may bring the contract later."""
    instruments = Instruments("v")

    def refuse(raw_symbol: str) -> InstrumentSpec:
        raise FrameError(f"{raw_symbol} is unknown")

    index = SpellingIndex(instruments, refuse)
    with pytest.raises(FrameError):
        index.of("AAA")
    instruments.put(learn("AAA"))
    assert index.of("AAA") == 0
