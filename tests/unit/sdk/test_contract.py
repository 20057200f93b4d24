"""Each rule of the contract is seen to fail on a connector that breaks it, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from foreshock_binance.connector import BinanceConnector
from foreshock_binance.simulation import BinanceScript
from foreshock_sdk import (
    Canary,
    Connector,
    Decoded,
    Decoder,
    Endpoints,
    FrameError,
    Heartbeat,
    Instruments,
    InstrumentSpec,
    Limits,
    PriceKind,
    Push,
    RawLiquidation,
    RestReply,
    RestRequest,
    Route,
    Span,
    SpecTable,
    Throttle,
)
from foreshock_sdk.contract import ConnectorContract
from foreshock_sdk.probing import Probe, demand

FRAMES = Path(__file__).parents[1] / "binance" / "frames"
GOLDEN = tuple(path.read_text() for path in sorted(FRAMES.glob("forceOrder_*.json")))
change = msgspec.structs.replace


def contract_of(connector: Connector, script: Callable[[], Any] = BinanceScript) -> ConnectorContract:
    broken = type("Broken", (ConnectorContract,), {"connector": connector, "script": script, "golden": GOLDEN})
    made: ConnectorContract = broken()
    return made


def broken_rules(contract: ConnectorContract) -> set[str]:
    names = [name for name in dir(ConnectorContract) if name.startswith("test_")]
    return {name.removeprefix("test_") for name in names if not _holds(getattr(contract, name))}


def _holds(rule: Callable[[], None]) -> bool:
    try:
        rule()
    except AssertionError:
        return False
    return True


def with_routes(alter: Callable[[Route], Route], copies: int = 1) -> Connector:
    class Altered(BinanceConnector):
        def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
            return [alter(each) for each in super().routes(instruments, symbols, endpoints)] * copies

    return Altered()


def with_decoder(alter: Callable[[Decoded, Sequence[str | bytes]], None]) -> Connector:
    class Altering:
        def __init__(self, inner: Decoder) -> None:
            self._inner = inner

        def feed(self, frames: Sequence[str | bytes]) -> Decoded:
            found = self._inner.feed(frames)
            alter(found, frames)
            return found

    class Altered(BinanceConnector):
        def decoder(self, route: Route, instruments: Instruments) -> Decoder:
            return Altering(super().decoder(route, instruments))

    return Altered()


def with_specs(**changes: Any) -> Connector:
    class Altered(BinanceConnector):
        def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
            return [change(each, **changes) for each in super().parse_specs(bodies)]

    return Altered()


def with_packaged(alter: Callable[[SpecTable], SpecTable]) -> Connector:
    class Altered(BinanceConnector):
        def packaged_specs(self) -> SpecTable:
            return alter(super().packaged_specs())

    return Altered()


def with_attributes(**attributes: Any) -> Connector:
    altered: Connector = type("Altered", (BinanceConnector,), attributes)()
    return altered


def swap_sides(found: Decoded, _: Sequence[str | bytes]) -> None:
    found.liquidations.side = bytearray(1 for _ in list(found.liquidations.side))


def lose_rows_of_batches(found: Decoded, frames: Sequence[str | bytes]) -> None:
    if len(frames) > 1:
        found.liquidations.price_kind = bytearray(PriceKind.LIMIT for _ in list(found.liquidations.price_kind))


def absurd_price(found: Decoded, _: Sequence[str | bytes]) -> None:
    found.liquidations.price = [float("nan") for _ in found.liquidations.price]


def extra_column_value(found: Decoded, _: Sequence[str | bytes]) -> None:
    if found.faults:
        found.liquidations.flags.append(0)


def misnumber(found: Decoded, _: Sequence[str | bytes]) -> None:
    found.liquidations.frame = [0 for _ in found.liquidations.frames]


def forget_canary(found: Decoded, _: Sequence[str | bytes]) -> None:
    found.canary = 0


def misprice(found: Decoded, _: Sequence[str | bytes]) -> None:
    found.context.value = [3 * value for value in found.context.value]


def with_forgetful_backfill() -> Connector:
    class Forgetful(BinanceConnector):
        def backfill_requests(
            self, route: Route, instruments: Instruments, span: Span, endpoints: Endpoints
        ) -> Sequence[RestRequest]:
            return self.spec_requests(endpoints)

    return Forgetful()


class Hasty(BinanceConnector):
    """It says much at once."""

    limits = change(BinanceConnector.limits, messages_per_second=1e6)

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        return [change(each, subscribe=each.subscribe * 30) for each in super().routes(instruments, symbols, endpoints)]


class Remembering(BinanceConnector):
    """Its decoders share what they remember: a new one says nothing of what an old one said."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str | bytes] = set()

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        inner, seen = super().decoder(route, instruments), self._seen

        class Once:
            def feed(self, frames: Sequence[str | bytes]) -> Decoded:
                fresh = [frame for frame in frames if frame not in seen]
                seen.update(frames)
                return inner.feed(fresh)

        return Once()


def invent(found: Decoded, frames: Sequence[str | bytes]) -> None:
    if not frames:
        found.liquidations.append(0, RawLiquidation(0, *_NOTHING))


def text_only(found: Decoded, frames: Sequence[str | bytes]) -> None:
    if frames and isinstance(frames[0], bytes):
        found.liquidations.identity_b = [0.0 for _ in found.liquidations.identity_b]


TALKATIVE = Heartbeat(interval=0.05, frame='{"method":"LIST_SUBSCRIPTIONS","id":7}')
_NOTHING: tuple[Any, ...] = (0, 1.0, 0, 1.0, 1)

CASES: list[tuple[Connector, str]] = [
    (with_routes(lambda route: change(route, url="ws://elsewhere.test/x")), "addresses_follow_the_endpoints_given"),
    (with_routes(lambda route: route, copies=2), "route_names_are_unique"),
    (with_routes(lambda route: route, copies=0), "addresses_follow_the_endpoints_given"),
    (
        with_routes(lambda route: change(route, canary=Canary("btcusdt@aggTrade"))),
        "every_route_has_its_canary_on_the_same_socket",
    ),
    (with_routes(lambda route: change(route, subscribe=("{",))), "the_venue_accepts_what_is_subscribed"),
    (
        with_routes(lambda route: change(route, heartbeat=change(route.heartbeat, frame="ping"))),
        "the_heartbeat_is_answered",
    ),
    (
        with_attributes(endpoints=Endpoints("ws://fstream.binance.com", "https://fapi.binance.com")),
        "production_endpoints_are_encrypted",
    ),
    (
        with_attributes(limits=Limits(connects=0, connects_per=1.0, messages_per_second=1.0, max_age=1.0)),
        "limits_and_throttle_are_sane",
    ),
    (with_attributes(throttle=Throttle(push_interval=-1.0)), "limits_and_throttle_are_sane"),
    (with_specs(multiplier=5.0), "rest_specs_are_the_venues_listing"),
    (with_specs(packaged=True), "rest_specs_are_the_venues_listing"),
    (with_packaged(lambda table: change(table, checked="today")), "packaged_specs_are_dated_and_say_so"),
    (with_packaged(lambda table: change(table, specs=())), "packaged_specs_are_dated_and_say_so"),
    (with_packaged(lambda table: change(table, specs=table.specs * 2)), "contract_names_are_unique"),
    (with_decoder(swap_sides), "golden_frames_hold_both_sides"),
    (with_decoder(swap_sides), "simulated_rows_decode_to_themselves"),
    (with_decoder(lose_rows_of_batches), "splitting_a_batch_changes_nothing"),
    (with_decoder(absurd_price), "nonsense_values_never_raise_and_never_lie"),
    (with_decoder(absurd_price), "damaged_frames_never_raise_and_never_lie"),
    (with_decoder(extra_column_value), "damaged_frames_never_raise_and_never_lie"),
    (with_decoder(misnumber), "a_bad_frame_spoils_no_good_one"),
    (with_decoder(forget_canary), "the_canary_sings"),
    (with_decoder(misprice), "context_is_told_as_it_was"),
    (with_forgetful_backfill(), "backfill_is_what_the_socket_would_have_told"),
    (Remembering(), "a_new_connection_begins_anew"),
    (Hasty(), "subscribing_fits_the_venues_budget"),
    (with_routes(lambda route: change(route, heartbeat=TALKATIVE)), "the_heartbeat_keeps_a_socket"),
    (with_decoder(invent), "nothing_in_nothing_out"),
    (with_decoder(text_only), "text_and_bytes_are_alike"),
]


def test_a_sound_connector_breaks_no_rule() -> None:
    assert broken_rules(contract_of(BinanceConnector())) == set()


@pytest.mark.parametrize(("connector", "rule"), CASES, ids=[f"{n}-{rule}" for n, (_, rule) in enumerate(CASES)])
def test_a_rule_catches_who_breaks_it(connector: Connector, rule: str) -> None:
    assert not _holds(getattr(contract_of(connector), f"test_{rule}"))


def test_every_rule_is_seen_to_fail() -> None:
    """units_leave_nothing_to_guess is about the script: below."""
    rules = {name.removeprefix("test_") for name in dir(ConnectorContract) if name.startswith("test_")}
    assert rules == {rule for _, rule in CASES} | {"units_leave_nothing_to_guess"}


class Plain(BinanceScript):
    """A venue of contracts of one coin."""

    def listing(self) -> Sequence[InstrumentSpec]:
        return [each for each in super().listing() if each.multiplier == 1 and not each.inverse]


class Worthless(BinanceScript):
    """A venue whose contracts are worth nothing."""

    def listing(self) -> Sequence[InstrumentSpec]:
        return [change(each, contract_value=0.0) for each in super().listing()]


@pytest.mark.parametrize("script", [Plain, Worthless])
def test_units_must_be_more_than_coins(script: Callable[[], Any]) -> None:
    assert not _holds(contract_of(BinanceConnector(), script).test_units_leave_nothing_to_guess)


def test_a_venue_may_say_that_its_units_are_plain() -> None:
    """Then they must be."""
    plain, mixed = contract_of(BinanceConnector(), Plain), contract_of(BinanceConnector())
    plain.plain = mixed.plain = True
    plain.test_units_leave_nothing_to_guess()
    assert not _holds(mixed.test_units_leave_nothing_to_guess)


class Closed(BinanceScript):
    """A venue that answers nothing."""

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:
        return None

    def session(self, path: str) -> None:
        return None


def test_a_venue_that_does_not_answer_is_named() -> None:
    contract = contract_of(BinanceConnector(), Closed)
    with pytest.raises(AssertionError, match="does not answer http://stand-in"):
        contract.test_rest_specs_are_the_venues_listing()
    with pytest.raises(AssertionError, match="the venue has no ws://stand-in"):
        contract.test_the_venue_accepts_what_is_subscribed()


def test_two_requests_of_one_name_are_noticed() -> None:
    class Twice(BinanceConnector):
        def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
            return [*super().spec_requests(endpoints)] * 2

    with pytest.raises(AssertionError, match="two requests are named"):
        Probe(Twice(), BinanceScript).fetched()


def test_rows_must_be_accounted_for() -> None:
    class Forgetful(BinanceScript):
        def due(self, now_ms: int) -> Sequence[Push]:
            return [change(push, rows=()) for push in super().due(now_ms)]

    rule = contract_of(BinanceConnector(), Forgetful).test_simulated_rows_decode_to_themselves
    with pytest.raises(AssertionError, match="account for each row once"):
        rule()


def test_an_error_of_the_connector_is_no_pass() -> None:
    class Raising(BinanceConnector):
        def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
            raise FrameError("not today")

    with pytest.raises(FrameError):
        contract_of(Raising()).test_rest_specs_are_the_venues_listing()


def test_demand() -> None:
    demand([1], "unused")
    with pytest.raises(AssertionError, match="because"):
        demand((), "because")
