"""Contract values: the table in the package, replaced by what the venue's REST says as soon as it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from foreshock_feeds.rest import VenueRest
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Connector, Endpoints, RestRequest
from foreshock_sdk.instruments import Instruments, InstrumentSpec

PAGES = 50
LIST_SECONDS = 8.0
"""For all pages of a list: less than the grace of a stop, because the start waits for them."""
log = get_logger("feeds")


class SpecSource(msgspec.Struct, frozen=True):
    """Which contract values are used: `rest`, or `packaged` with the day they were checked and why."""

    kind: str
    contracts: int
    checked: str = ""
    reason: str = ""


class Contracts:
    """What is known of a venue's contracts. Making one raises what the plugin raises.

    table   every contract known, also those no longer listed; shared with decoders, indices never change
    listed  the contracts to read: the venue's own list once it answered, the packaged ones before
    version grows with each answer that changes a contract; versions: the one each contract was last changed by, by
            raw symbol, of those whose values came from the venue
    """

    def __init__(self, connector: Connector, endpoints: Endpoints, rest: VenueRest) -> None:
        packaged = connector.packaged_specs()
        self.table = Instruments(connector.venue, packaged.specs)
        self.listed = self.table
        self.source = SpecSource("packaged", len(self.table), packaged.checked, "not asked yet")
        self._connector = connector
        self._endpoints = endpoints
        self._rest = rest
        self.version = 0
        self.versions: dict[str, int] = {}

    async def learn(self) -> bool:
        """Ask the venue; return whether it told everything. Never raises for what venue or plugin do.

        Values that came are used even when others did not.
        """
        venue, fresh, trouble = self._connector.venue, list[InstrumentSpec](), ""
        try:
            bodies, trouble = await self._fetch()
            if bodies:
                fresh = list(self._connector.parse_specs(bodies))
                trouble = trouble or ("" if fresh else "no contract is listed")
        except Exception as error:  # noqa: BLE001 - foreign code reads a foreign answer
            trouble = _words(error)
        known = self.version
        self._use(fresh)
        if trouble:
            if self.source.kind == "packaged":
                self.source = msgspec.structs.replace(self.source, contracts=len(self.table), reason=trouble)
            log.warning("specs_incomplete", venue=venue, used=self.source.kind, reason=trouble)
            return False
        # In the order of the table, so that an equal list always makes equal routes.
        places = {spec.raw_symbol: at for at, spec in enumerate(self.table.specs)}
        self.listed = Instruments(venue, sorted(fresh, key=lambda spec: places[spec.raw_symbol]))
        if self.version != known:
            log.info("specs_loaded", venue=venue, contracts=len(fresh), version=self.version)
        self.source = SpecSource("rest", len(fresh))
        return True

    def _use(self, fresh: Sequence[InstrumentSpec]) -> None:
        """Put what is new into the table; what is as it was stays, so that nothing is built anew."""
        known = {spec.raw_symbol: spec for spec in self.table.specs}
        changed = [spec for spec in fresh if known.get(spec.raw_symbol) != spec]
        self.version += bool(changed)
        for spec in changed:
            self.versions[spec.raw_symbol] = self.version
            self.table.put(spec)
        others = [name for name in (spec.raw_symbol for spec in changed) if name in known and not known[name].packaged]
        if others:
            log.warning("specs_changed", venue=self._connector.venue, version=self.version, contracts=others)

    async def _fetch(self) -> tuple[dict[str, bytes], str]:
        """Return the bodies of all lists that came whole, by request name, and what is wrong with the others."""
        first = self._connector.spec_requests(self._endpoints)
        answers = await asyncio.gather(*(self._pages(request) for request in first), return_exceptions=True)
        bodies: dict[str, bytes] = {}
        trouble = []
        for request, answer in zip(first, answers, strict=True):
            if isinstance(answer, Exception):
                trouble.append(f"{request.name}: {_words(answer)}")
            elif isinstance(answer, BaseException):
                raise answer
            else:
                bodies |= answer
        return bodies, "; ".join(trouble)

    async def _pages(self, first: RestRequest) -> dict[str, bytes]:
        bodies: dict[str, bytes] = {}
        request: RestRequest | None = first
        async with asyncio.timeout(LIST_SECONDS):
            while request is not None and len(bodies) < PAGES:
                body = bodies[request.name] = await self._rest.get(request)
                request = self._connector.next_page(request, body)
        return bodies


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
