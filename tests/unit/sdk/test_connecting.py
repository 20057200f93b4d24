from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from foreshock_sdk import BaseConnector, Decoded, Endpoints, Instruments, OptionError, RestRequest, Span
from foreshock_sdk.connecting import NoOptions
from foreshock_sdk.probing import STAND_IN


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sign: Literal["position", "order"] = "position"
    addresses: tuple[str, ...] = ()


class Toy(BaseConnector):
    venue = "toy"
    endpoints = Endpoints("wss://toy.test", "https://toy.test")
    Options = Options


class Bare(BaseConnector):
    venue = "bare"


def test_a_venue_without_options_has_none() -> None:
    assert Bare().options == NoOptions()
    assert Bare().configured({}).options == NoOptions()
    with pytest.raises(OptionError, match=r"^sign: 'x': bare has no such option; there are none$"):
        Bare().configured({"sign": "x"})


def test_options_are_read_into_a_connector_of_its_own() -> None:
    plain = Toy()
    configured = plain.configured({"sign": "order", "addresses": ["0x1"]})
    assert configured.options == Options("order", ("0x1",))
    assert plain.options == Options()


@pytest.mark.parametrize(
    ("options", "option", "words"),
    [
        ({"sing": 1}, "sing", "sing: 1: toy has no such option; there are sign, addresses"),
        ({"sign": "both"}, "sign", "sign: 'both': Invalid enum value 'both'"),
        ({"addresses": [1]}, "addresses", r"addresses: \[1\]: Expected `str`, got `int`"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], option: str, words: str) -> None:
    with pytest.raises(OptionError, match=words) as caught:
        Toy().configured(options)
    assert caught.value.option == option


def test_what_a_small_venue_lacks_is_nothing() -> None:
    bare, table, request = Bare(), Instruments("bare"), RestRequest(name="x", url="https://x.test")
    assert (bare.spec_requests(STAND_IN), bare.parse_specs({}), bare.next_page(request, b"")) == ((), (), None)
    for missing in (bare.packaged_specs, lambda: bare.routes(table, (), STAND_IN)):
        with pytest.raises(NotImplementedError):
            missing()


def test_a_venue_without_history_is_asked_nothing() -> None:
    bare, table = Bare(), Instruments("bare")
    assert bare.backfill_requests(None, table, Span(1, 2), STAND_IN) == ()  # type: ignore[arg-type]
    found = bare.parse_backfill(RestRequest(name="x", url="https://x.test"), b"", table)
    assert isinstance(found, Decoded)
    assert len(found.liquidations) == 0
    with pytest.raises(NotImplementedError):
        bare.decoder(None, table)  # type: ignore[arg-type]
