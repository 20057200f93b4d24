"""Contract values: from the venue's REST at start and on a timer, else from the table in the package."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.request import Request, urlopen

import msgspec

from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Connector, Endpoints, RestRequest
from foreshock_sdk.errors import ForeshockError
from foreshock_sdk.instruments import Instruments, InstrumentSpec

PAGES = 50
BODY_LIMIT = 64 * 2**20
log = get_logger("feeds")


class SpecSource(msgspec.Struct, frozen=True):
    """Which contract values are used: `rest`, or `packaged` with the day they were checked and why."""

    kind: str
    contracts: int
    checked: str = ""
    reason: str = ""


async def load_specs(connector: Connector, endpoints: Endpoints) -> tuple[Instruments, SpecSource]:
    """Return the venue's contracts and where they came from. Never raises for what the venue does.

    What the venue lists is all there is: a packaged contract that is no longer traded must not be subscribed.
    """
    try:
        fresh = await fetch_specs(connector, endpoints)
    except (ForeshockError, OSError, ValueError) as error:
        packaged = connector.packaged_specs()
        source = SpecSource("packaged", len(packaged.specs), packaged.checked, f"{type(error).__name__}: {error}")
        log.warning("packaged_specs_used", venue=connector.venue, checked=packaged.checked, reason=source.reason)
        return Instruments(connector.venue, packaged.specs), source
    log.info("specs_loaded", venue=connector.venue, contracts=len(fresh))
    return Instruments(connector.venue, fresh), SpecSource("rest", len(fresh))


async def fetch_specs(connector: Connector, endpoints: Endpoints) -> Sequence[InstrumentSpec]:
    """Fetch every page of every listing and read them together.

    A listing that does not answer is left out; the connector knows whether it can do without. Raises FrameError when it
    cannot, OSError when none answered.
    """
    bodies: dict[str, bytes] = {}
    failure: OSError | None = None
    for first in connector.spec_requests(endpoints):
        try:
            bodies |= await _pages(connector, first)
        except OSError as error:
            log.warning("listing_failed", venue=connector.venue, listing=first.name, reason=str(error))
            failure = error
    if not bodies and failure is not None:
        raise failure
    return connector.parse_specs(bodies)


async def _pages(connector: Connector, first: RestRequest) -> dict[str, bytes]:
    bodies: dict[str, bytes] = {}
    request: RestRequest | None = first
    while request is not None and len(bodies) < PAGES:
        bodies[request.name] = await asyncio.to_thread(_get, request)
        request = connector.next_page(request, bodies[request.name])
    return bodies


def _get(request: RestRequest) -> bytes:
    if not request.url.startswith(("http://", "https://")):
        raise OSError(f"{request.name}: not an http address")
    asked = Request(request.url, headers={"Accept": "application/json", "User-Agent": "foreshock"})  # noqa: S310
    with urlopen(asked, timeout=request.timeout) as answer:  # noqa: S310 - the scheme was checked
        body: bytes = answer.read(BODY_LIMIT)
        return body
