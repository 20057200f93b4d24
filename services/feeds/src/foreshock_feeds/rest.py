"""A venue's REST, asked without holding up the loop or the end of the process, and no more often than it allows."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http.client import HTTPException
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from foreshock_feeds.domain.attempts import NS, AttemptLimit
from foreshock_feeds.domain.refusal import pause_asked
from foreshock_feeds.pacing import turn
from foreshock_runtime.clock import SystemClock, monotonic_ns
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import RestRequest

BODY_LIMIT = 64 * 2**20
REST_TROUBLE = (OSError, HTTPException, TimeoutError)
"""What asking may raise."""
log = get_logger("feeds")


class RestRefused(OSError):  # noqa: N818 - what happened, in the words of the log
    """The venue answered with a status that is no success."""

    def __init__(self, status: int, reason: str, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status} {reason}")
        self.status = status
        self.retry_after = retry_after


class VenueRest:
    """One venue's REST. refusals: how often it said that it was asked too much."""

    def __init__(self, venue: str, per_second: float) -> None:
        self.refusals = 0
        self._venue = venue
        self._limit = AttemptLimit.per_second(per_second)

    async def get(self, request: RestRequest) -> bytes:
        """Wait for our turn, ask, and return the body. Raises REST_TROUBLE.

        After 429, 418 or 403 nobody asks this venue for as long as its Retry-After says.
        """
        await turn(self._limit)
        try:
            return await get(request)
        except RestRefused as error:
            pause = pause_asked(error.status, error.retry_after, SystemClock().now())
            if pause is not None:
                self.refusals += 1
                self._limit.bar(monotonic_ns() + int(pause * NS))
                log.warning("rest_refused", venue=self._venue, request=request.name, status=error.status, pause=pause)
            raise


async def get(request: RestRequest) -> bytes:
    """Return the body, within the request's timeout. Raises REST_TROUBLE."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    def tell(body: bytes | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(body or b"")
        else:
            answer.set_exception(error)

    def ask() -> None:
        body, failure = None, None
        try:
            body = _get(request)
        except Exception as error:  # noqa: BLE001 - raised where the answer is awaited
            failure = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, body, failure)

    # Not an executor: the end of a process waits for that, and a venue may answer a byte at a time for ever.
    Thread(target=ask, name=f"rest-{request.name}", daemon=True).start()
    async with asyncio.timeout(request.timeout):
        return await answer


def _get(request: RestRequest) -> bytes:
    if not request.url.startswith(("http://", "https://")):
        raise OSError(f"{request.name}: not an http address")
    headers = {"Accept": "application/json", "User-Agent": "foreshock"}
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    asked = Request(request.url, data=request.body, headers=headers)  # noqa: S310 - the scheme was checked
    try:
        with urlopen(asked, timeout=request.timeout) as answer:  # noqa: S310 - likewise
            body: bytes = answer.read(BODY_LIMIT)
            return body
    except HTTPError as error:
        error.close()  # it holds the connection
        raise RestRefused(error.code, error.reason, error.headers.get("Retry-After")) from None
