"""A venue's REST behind a real port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from time import monotonic
from typing import NamedTuple

from foreshock_sdk import Endpoints


class Answer(NamedTuple):
    """A whole answer, for those that are no success."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Rest:
    """Answers by path with its query, None for a path that never answers; a list is answered one by one, then its last.

    asked: paths in order; times: when (s); posted: bodies of POSTs by path.
    """

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Answer | list[bytes | Answer] | None] = {}
        self.asked: list[str] = []
        self.times: list[float] = []
        self.posted: dict[str, bytes] = {}
        self.endpoints = Endpoints("ws://127.0.0.1:1", "")

    def answer(self, path: str) -> Answer | None:
        """Return what is said to a request."""
        self.asked.append(path)
        self.times.append(monotonic())
        found = self.answers.get(path, b"")
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if found is None or isinstance(found, Answer):
            return found
        return Answer(200 if found else 503, found)

    @contextmanager
    def serving(self) -> Iterator[Rest]:
        over, venue = Event(), self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = venue.answer(self.path.lstrip("/"))
                if answer is None:
                    over.wait(10)
                    answer = Answer(503)
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def do_POST(self) -> None:
                venue.posted[self.path.lstrip("/")] = self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = False
            thread = Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            self.endpoints = Endpoints("ws://127.0.0.1:1", f"http://127.0.0.1:{server.server_port}")
            try:
                yield self
            finally:
                over.set()
                server.shutdown()
                thread.join()
