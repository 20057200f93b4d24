"""A venue that sends Binance liquidations at a set rate: `python blaster.py RATE SECONDS SYMBOLS`.

Prints its port, waits for a client of liquidations, sends, prints {"sent": n, "seconds": s} and waits for a line on
standard input. Frames are made by one format and sent a millisecond at a time: it costs little beside what is read.
A rate of 0 sends as fast as the reader reads.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import sys
import time

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FRAME = (
    b'{"stream":"!forceOrder@arr","data":{"e":"forceOrder","E":%d,"o":{"s":"%b","S":"SELL","o":"LIMIT","f":"IOC",'
    b'"q":"0.190","p":"82338.30","ap":"82651.90","X":"FILLED","l":"0.155","z":"1.%06d","T":%d,"ps":"%b","st":1}}}'
)
MARK = (
    b'{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":%d,"s":"BTCUSDT","p":"82000","i":"82000",'
    b'"r":"0.0001","T":%d,"st":1}}'
)
STEP = 0.001
BURST = 500


def text_frame(payload: bytes) -> bytes:
    size = len(payload)
    head = bytes((0x81, size)) if size < 126 else bytes((0x81, 126, size >> 8, size & 255))
    return head + payload


async def client_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one masked frame: its opcode and payload."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


async def answer_pings(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            opcode, payload = await client_frame(reader)
            if opcode == 0x9:
                writer.write(bytes((0x8A, len(payload))) + payload)


class Blaster:
    def __init__(self, rate: int, seconds: float, symbols: int) -> None:
        self.rate = rate
        self.seconds = seconds
        self.names = [b"BTCUSDT", *(b"COIN%dUSDT" % n for n in range(1, symbols))]
        self.sent = 0
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(b":") for line in request.split(b"\r\n"))}
        key = headers.get(b"sec-websocket-key")
        if key is None:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())  # noqa: S324 - the protocol's own
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept
            + b"\r\n\r\n"
        )
        _, subscription = await client_frame(reader)
        if b"forceOrder" not in subscription:
            await self.mark(writer)
            return
        if self.done.done():
            return
        answering = asyncio.create_task(answer_pings(reader, writer))
        await asyncio.sleep(0.5)
        try:
            await self.blast(writer)
        except ConnectionError as error:
            print(f"client lost: {error}", file=sys.stderr)
        finally:
            answering.cancel()

    async def mark(self, writer: asyncio.StreamWriter) -> None:
        """Tell a client that asked for prices alone that this venue lives."""
        with contextlib.suppress(ConnectionError):
            while not self.done.done():
                now = time.time_ns() // 1_000_000
                writer.write(text_frame(MARK % (now, now)))
                await writer.drain()
                await asyncio.sleep(1.0)

    async def blast(self, writer: asyncio.StreamWriter) -> None:
        started = time.monotonic()
        next_mark = 0.0
        while (elapsed := time.monotonic() - started) < self.seconds:
            now = time.time_ns() // 1_000_000
            due = int(elapsed * self.rate) - self.sent if self.rate else BURST
            if due:
                writer.write(b"".join(self.frame(now) for _ in range(min(due, 20 * BURST))))
            if elapsed >= next_mark:
                writer.write(text_frame(MARK % (now, now)))
                next_mark += 1.0
            await writer.drain()
            if self.rate:
                await asyncio.sleep(STEP)
        self.done.set_result(time.monotonic() - started)

    def frame(self, now: int) -> bytes:
        name = self.names[self.sent % len(self.names)]
        self.sent += 1
        return text_frame(FRAME % (now, name, self.sent % 1_000_000, now, name))


async def main() -> None:
    blaster = Blaster(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
    server = await asyncio.start_server(blaster.client, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    seconds = await blaster.done
    print(json.dumps({"sent": blaster.sent, "seconds": seconds}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)


asyncio.run(main())
