"""A venue's REST, asked without holding up the loop or the end of the process."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from foreshock_sdk.connector import RestRequest

BODY_LIMIT = 64 * 2**20


async def get(request: RestRequest) -> bytes:
    """Return the body, within the request's timeout. Raises OSError and HTTPException."""
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
    asked = Request(request.url, headers={"Accept": "application/json", "User-Agent": "foreshock"})  # noqa: S310
    try:
        with urlopen(asked, timeout=request.timeout) as answer:  # noqa: S310 - the scheme was checked
            body: bytes = answer.read(BODY_LIMIT)
            return body
    except HTTPError as error:
        error.close()  # it holds the connection
        raise OSError(f"HTTP {error.code} {error.reason}") from None
