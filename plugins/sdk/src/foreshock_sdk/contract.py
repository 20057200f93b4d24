"""The rules every connector keeps, as a test suite to subclass. It needs no socket and no test framework of its own.

    class TestMyVenue(ConnectorContract):
        connector = MyConnector()
        script = MyScript
        golden = (FRAME, ...)

pytest collects the methods; each is one rule, named by what it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from foreshock_sdk.columns import ControlKind
from foreshock_sdk.connector import Connector, Span
from foreshock_sdk.events import ContextField, EventFlag, LiquidatedSide
from foreshock_sdk.instruments import convert
from foreshock_sdk.mutation import Dice, damaged, variants
from foreshock_sdk.probing import NOW_MS, STAND_IN, Probe, columns_of, demand, offers
from foreshock_sdk.reading import LARGEST
from foreshock_sdk.rows import liquidation_events
from foreshock_sdk.simulation import SimContext, VenueScript

DAMAGED_FRAMES = 2_000
TEN_MINUTES_MS = 600_000
MARKET = (
    (ContextField.MARK, 1.25),
    (ContextField.INDEX, 1.5),
    (ContextField.FUNDING, 0.0001),
    (ContextField.OPEN_INTEREST, 64.0),
    (ContextField.BID, 1.125),
    (ContextField.BID_QUANTITY, 4.0),
    (ContextField.ASK, 1.375),
    (ContextField.ASK_QUANTITY, 8.0),
)
"""A market to be told of every contract; all values are exact in binary."""


class ConnectorContract:
    """Subclass it beside your connector's own tests.

    connector  the connector
    script     its simulated venue, called without arguments for a fresh one
    golden     frames of the venue that hold liquidations of longs and shorts, as text
    plain      whether every size of the venue is of one coin, or of one USD, as its documents say
    """

    connector: Connector
    script: Callable[[], VenueScript]
    golden: Sequence[str]
    plain: bool = False

    def probe(self) -> Probe:
        """Return the connector beside a fresh venue."""
        return Probe(self.connector, type(self).script)

    # What it says about the venue

    def test_addresses_follow_the_endpoints_given(self) -> None:
        """A host can put another address in the venue's place, for every socket and request."""
        routes = self.probe().routes
        demand(routes, "no route")
        for route in routes:
            demand(route.url.startswith(STAND_IN.websocket + "/"), f"{route.name} goes to {route.url}")
        for request in self.connector.spec_requests(STAND_IN):
            demand(request.url.startswith(STAND_IN.rest + "/"), f"{request.name} goes to {request.url}")

    def test_production_endpoints_are_encrypted(self) -> None:
        """Production speaks TLS, and no address ends in a slash."""
        endpoints = self.connector.endpoints
        demand(endpoints.websocket.startswith("wss://"), endpoints.websocket)
        demand(all(each.startswith(("https://", "wss://")) for each in endpoints.extra.values()), f"{endpoints}")
        demand(endpoints.rest.startswith("https://"), endpoints.rest)
        addresses = (endpoints.websocket, endpoints.rest, *endpoints.extra.values())
        demand(not any(each.endswith("/") for each in addresses), f"{addresses}")

    def test_route_names_are_unique(self) -> None:
        """A route's name tells it from every other of the connector."""
        names = [route.name for route in self.probe().routes]
        demand(len(names) == len(set(names)), f"{names}")

    def test_every_route_has_its_canary_on_the_same_socket(self) -> None:
        """A liquidation channel may be silent for hours: a busy channel beside it shows that the socket lives."""
        for route in self.probe().routes:
            demand(route.canary.channel in route.channels, f"{route.name} does not subscribe its canary")
            demand(route.canary.deadline > 0, f"{route.name}: deadline {route.canary.deadline}")

    def test_limits_and_throttle_are_sane(self) -> None:
        """The host can divide by them."""
        limits, throttle = self.connector.limits, self.connector.throttle
        numbers = (limits.connects, limits.connects_per, limits.messages_per_second, limits.max_age)
        demand(min(numbers) > 0, f"{limits}")
        demand(throttle.push_interval >= 0 and throttle.per_symbol_cap != 0, f"{throttle}")

    # Contracts

    def test_rest_specs_are_the_venues_listing(self) -> None:
        """What the venue lists is what the connector reads, page by page."""
        probe = self.probe()
        read = {spec.raw_symbol: spec for spec in self.connector.parse_specs(probe.fetched())}
        listed = {spec.raw_symbol: spec for spec in probe.script.listing()}
        different = [each for each in listed.keys() | read.keys() if listed.get(each) != read.get(each)]
        demand(not different, f"read otherwise than listed: {sorted(different)[:5]}")
        demand(not any(spec.packaged for spec in read.values()), "a spec from REST says that it is packaged")

    def test_packaged_specs_are_dated_and_say_so(self) -> None:
        """The fallback table carries the day it was checked, and each of its rows that it is the fallback."""
        table = self.connector.packaged_specs()
        demand(re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", table.checked), f"checked {table.checked!r}")
        demand(table.specs, "the table is empty")
        demand(all(spec.packaged for spec in table.specs), "a row does not say that it is packaged")
        demand(all(spec.venue == self.connector.venue for spec in table.specs), "a row is of another venue")

    def test_contract_names_are_unique(self) -> None:
        """Two contracts never share an instrument name, and the name ends in the venue's."""
        ending = "." + self.connector.venue.upper()
        for specs in (self.probe().script.listing(), self.connector.packaged_specs().specs):
            names = [spec.instrument for spec in specs]
            twice = {name for name in names if names.count(name) > 1}
            demand(not twice, f"shared: {sorted(twice)}")
            demand(all(name.endswith(ending) for name in names), "a name lacks its venue")

    def test_units_leave_nothing_to_guess(self) -> None:
        """Every contract converts to finite, positive numbers; units other than one are listed where there are any."""
        specs = self.probe().script.listing()
        for spec in specs:
            told = convert(2.0, 3.0, spec.contract_value, float(spec.usd_sized), spec.multiplier)
            demand(all(0 < number < LARGEST for number in told), f"{spec.raw_symbol}: {told}")
        other = any(spec.contract_value * spec.multiplier != 1 for spec in specs)
        demand(other != self.plain, f"plain is {self.plain}, units other than one: {other}")

    # The conversation

    def test_the_venue_accepts_what_is_subscribed(self) -> None:
        """Every subscribe frame is acknowledged, no acknowledgement is a fault, every channel is then subscribed."""
        probe = self.probe()
        for route, session in probe.subscribed():
            missing = [each for each in route.channels if not session.subscribed(each)]
            demand(not missing, f"{route.name}: {missing[:3]} are not subscribed")
            fresh, decoder = probe.session(route), self.connector.decoder(route, probe.instruments)
            for number, frame in enumerate(route.subscribe):
                found = decoder.feed(fresh.receive(frame, NOW_MS + number * 1000))
                kinds = {control.kind for control in found.controls}
                demand(kinds == {ControlKind.ACK}, f"{frame} brings {found.controls}")
                demand(not found.faults, f"{frame} brings {found.faults}")

    def test_subscribing_fits_the_venues_budget(self) -> None:
        """At the pace the connector promises, the venue does not cut a client that says all it has to say first."""
        pace = 1000 / self.connector.limits.messages_per_second
        probe = self.probe()
        for route in probe.routes:
            session = probe.session(route)
            for number, frame in enumerate(route.subscribe):
                now = NOW_MS + int(number * pace) + 1
                session.receive(frame, now)
                demand(
                    not session.overdue(now), f"{route.name}: cut after {number + 1} frames, one every {pace:.0f} ms"
                )

    def test_the_heartbeat_keeps_a_socket(self) -> None:
        """A client that only beats its heart is not cut for ten minutes."""
        probe = self.probe()
        for route, session in probe.subscribed():
            beat = route.heartbeat
            first = NOW_MS + int(1000 * len(route.subscribe))
            for at in range(first, first + TEN_MINUTES_MS, int(beat.interval * 1000)):
                demand(not session.overdue(at), f"{route.name}: cut {(at - first) / 1000:.0f} s after subscribing")
                if beat.frame is not None:
                    session.receive(beat.frame, at)

    def test_the_heartbeat_is_answered(self) -> None:
        """A heartbeat frame, where there is one, brings a pong that the decoder knows."""
        probe = self.probe()
        for route in (each for each in probe.routes if each.heartbeat.frame is not None):
            answer = probe.session(route).receive(route.heartbeat.frame or "", NOW_MS)
            kinds = [control.kind for control in probe.feed(answer).controls]
            demand(kinds == [ControlKind.PONG], f"{route.heartbeat.frame} brings {answer}")

    def test_the_canary_sings(self) -> None:
        """Every route's canary channel brings its venue time, and no fault."""
        probe = self.probe()
        pushes = probe.script.context(self._context(probe), NOW_MS)
        for route in probe.routes:
            frames = [push.frame for push in pushes if push.channel == route.canary.channel]
            found = self.connector.decoder(route, probe.instruments).feed(frames)
            demand(found.canary == NOW_MS, f"{route.name}: canary {found.canary}")
            demand(not found.faults, f"{route.name}: {found.faults[:3]}")

    def test_context_is_told_as_it_was(self) -> None:
        """What the venue tells of prices is what the decoders yield; it may tell none."""
        probe = self.probe()
        pushes = probe.script.context(self._context(probe), NOW_MS)
        offered = {(row.field, row.value) for row in self._context(probe)}
        told: set[tuple[int, float]] = set()
        for route, session in probe.subscribed():
            mine = [push.frame for push in pushes if session.subscribed(push.channel)]
            found = self.connector.decoder(route, probe.instruments).feed(mine)
            demand(not found.faults, f"{route.name}: {found.faults[:3]}")
            rows = zip(found.context.field, found.context.value, strict=True)
            told |= {(field, value) for field, value in rows if field in {ContextField.MARK, ContextField.INDEX}}
            told |= {(ContextField.BID, bids[0][0]) for bids in found.books.bids if bids}
        demand(told <= offered, f"told otherwise: {sorted(told - offered)[:3]}")

    @staticmethod
    def _context(probe: Probe) -> list[SimContext]:
        return [SimContext(each.raw_symbol, *row, NOW_MS) for each in probe.script.listing() for row in MARKET]

    def test_simulated_rows_decode_to_themselves(self) -> None:
        """What the simulated venue is offered is what the decoders yield: contract, side, price, size, time."""
        probe = self.probe()
        offered = offers(probe.script.listing())
        probe.script.offer(offered)
        pushes = [push for now in range(NOW_MS, NOW_MS + 3000, 250) for push in probe.script.due(now)]
        told: list[tuple[object, ...]] = []
        accounted: list[int] = []
        for route, session in probe.subscribed():
            mine = [push for push in pushes if session.subscribed(push.channel)]
            found = self.connector.decoder(route, probe.instruments).feed([push.frame for push in mine])
            demand(not found.faults, f"{found.faults[:3]}")
            told += probe.rows(found)
            accounted += [row for push in mine for row in push.rows]
        expected = [(o.raw_symbol, o.liquidated_side, o.price, o.size, o.ts_event_ms) for o in offered]
        demand(set(told) == set(expected), f"differ: {sorted(set(told) ^ set(expected), key=str)[:4]}")
        demand(sorted(accounted) == [each.row for each in offered], "frames do not account for each row once")

    def test_backfill_is_what_the_socket_would_have_told(self) -> None:
        """Where the venue keeps a history, it brings the socket's events with the same numbers, and says so."""
        probe = self.probe()
        probe.script.offer(offers(probe.script.listing()))
        pushes = [push for now in range(NOW_MS, NOW_MS + 3000, 250) for push in probe.script.due(now)]
        span = Span(NOW_MS - 1000, NOW_MS + 3000)
        for route, session in probe.subscribed():
            requests = self.connector.backfill_requests(route, probe.instruments, span, STAND_IN)
            if not requests:
                continue
            frames = [push.frame for push in pushes if session.subscribed(push.channel)]
            live = self.connector.decoder(route, probe.instruments).feed(frames)
            fetched = [
                self.connector.parse_backfill(request, body, probe.instruments)
                for request, body in probe.answers(requests)
            ]
            told = [event for found in fetched for event in liquidation_events(found, probe.instruments, 0)]
            known = {event.event_id for event in liquidation_events(live, probe.instruments, 0)}
            different = known ^ {event.event_id for event in told}
            demand(not different, f"{route.name}: {len(different)} of {len(known)} events differ")
            demand(
                all(event.flags & EventFlag.BACKFILLED for event in told), "a row does not say that it is backfilled"
            )

    # The decoder

    def test_golden_frames_hold_both_sides(self) -> None:
        """The frames given hold liquidations of longs and of shorts, without a fault."""
        found = self.probe().feed(self.golden)
        demand(not found.faults, f"{found.faults}")
        demand(set(found.liquidations.side) == set(LiquidatedSide), f"sides {found.liquidations.side}")

    def test_splitting_a_batch_changes_nothing(self) -> None:
        """Frames one by one give what they give together: the fast path and the slow path agree."""
        dice = Dice(7)
        broken = [damaged(frame, dice) for frame in self.golden]
        batches: list[list[str | bytes]] = [
            [*self.golden],
            [*self.golden, *self.golden],
            [*broken, *self.golden],
            [*self.golden, "{"],
        ]
        for frames in batches:
            together, parts = self.probe().feed(frames), self.probe().feed_one_by_one(frames)
            demand(columns_of([together]) == columns_of(parts), f"rows differ for {frames}")
            reasons = [(each.row, each.reason) for part in parts for each in part.faults]
            demand([(each.row, each.reason) for each in together.faults] == reasons, f"faults differ for {frames}")
            demand(together.pushed_ms == max(part.pushed_ms for part in parts), f"pushed_ms of {frames}")

    def test_a_new_connection_begins_anew(self) -> None:
        """A decoder made after a reconnect reads the same frames as the first one did: nothing hangs on the old one."""
        probe = self.probe()
        first, second = (self.connector.decoder(probe.routes[0], probe.instruments).feed(self.golden) for _ in "ab")
        demand(columns_of([first]) == columns_of([second]), "rows differ after a reconnect")
        demand(len(first.faults) == len(second.faults), f"faults differ: {second.faults}")

    def test_text_and_bytes_are_alike(self) -> None:
        """A frame may come as text or as bytes."""
        text = self.probe().feed(self.golden)
        raw = self.probe().feed([frame.encode() for frame in self.golden])
        demand(columns_of([text]) == columns_of([raw]), "text and bytes differ")

    def test_damaged_frames_never_raise_and_never_lie(self) -> None:
        """Whatever bytes come, feed returns, and each row it returns could be true."""
        dice, probe = Dice(20261120), self.probe()
        decoder = self.connector.decoder(probe.routes[0], probe.instruments)
        for _ in range(DAMAGED_FRAMES):
            frame = damaged(self.golden[dice.below(len(self.golden))], dice)
            probe.demand_truth(decoder.feed([frame]), 1, frame)

    def test_nonsense_values_never_raise_and_never_lie(self) -> None:
        """A value may be missing or absurd: that is a fault or a silent frame, never an absurd row."""
        probe = self.probe()
        decoder = self.connector.decoder(probe.routes[0], probe.instruments)
        for frame in (variant for golden in self.golden for variant in variants(golden)):
            probe.demand_truth(decoder.feed([frame]), 1, frame)

    def test_a_bad_frame_spoils_no_good_one(self) -> None:
        """Frames beside broken ones keep their rows and their numbers."""
        alone = self.probe().feed(self.golden)
        mixed = self.probe().feed(["{", *self.golden, "[]", "\ud800", "[" * 5000, b"\xff"])
        broken = {0, *range(len(self.golden) + 1, len(self.golden) + 5)}
        demand({fault.frame for fault in mixed.faults} == broken, f"faults: {mixed.faults}")
        demand(columns_of([mixed]) == columns_of([alone]), "rows are lost")
        numbers = [frame - 1 for frame in mixed.liquidations.frames]
        demand(numbers == list(alone.liquidations.frames), "frames are misnumbered")

    def test_nothing_in_nothing_out(self) -> None:
        """An empty batch is no error."""
        probe = self.probe()
        probe.demand_truth(probe.feed(()), 0, "nothing")
