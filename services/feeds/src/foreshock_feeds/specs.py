"""Contract values: from the venue's REST at start and on a timer, else from the table in the package."""

from __future__ import annotations

import asyncio
from urllib.error import URLError
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
    """Return the venue's contracts and where they came from. Never raises for what the venue does."""
    packaged = connector.packaged_specs()
    instruments = Instruments(connector.venue, packaged.specs)
    try:
        fresh = await fetch_specs(connector, endpoints)
    except (ForeshockError, URLError, OSError, ValueError) as error:
        source = SpecSource("packaged", len(instruments), packaged.checked, f"{type(error).__name__}: {error}")
        log.warning("packaged_specs_used", venue=connector.venue, checked=packaged.checked, reason=source.reason)
        return instruments, source
    for spec in fresh:
        instruments.put(spec)
    log.info("specs_loaded", venue=connector.venue, contracts=len(fresh))
    return instruments, SpecSource("rest", len(fresh))


async def fetch_specs(connector: Connector, endpoints: Endpoints) -> list[InstrumentSpec]:
    """Fetch every page of every listing and read them. Raises FrameError, OSError or URLError."""
    specs: list[InstrumentSpec] = []
    for first in connector.spec_requests(endpoints):
        request: RestRequest | None = first
        for _ in range(PAGES):
            if request is None:
                break
            body = await asyncio.to_thread(_get, request)
            specs += connector.parse_specs({request.name: body})
            request = connector.next_page(request, body)
    return specs


def _get(request: RestRequest) -> bytes:
    if not request.url.startswith(("http://", "https://")):
        raise OSError(f"{request.name}: not an http address")
    asked = Request(request.url, headers={"Accept": "application/json", "User-Agent": "foreshock"})  # noqa: S310
    with urlopen(asked, timeout=request.timeout) as answer:  # noqa: S310 - the scheme was checked
        body: bytes = answer.read(BODY_LIMIT)
        return body
