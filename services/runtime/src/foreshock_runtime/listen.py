"""Addresses to listen on: `host:port` or `unix:PATH`."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple


class Listen(NamedTuple):
    """A parsed address. A unix socket has a path and neither host nor port; port 0 means any free one."""

    host: str
    port: int
    path: str

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.path or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


_MAX_PORT = 65535


def parse_listen(text: str) -> Listen:
    """Read `host:port`, `[v6]:port` or `unix:PATH`. Raises ValueError that says what is wrong."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").removeprefix("//")
        if not path:
            raise ValueError("unix: needs a path")
        return Listen("", 0, path)
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host:
        raise ValueError("expected host:port or unix:PATH")
    if not port.isdecimal() or int(port) > _MAX_PORT:
        raise ValueError(f"port must be 0..{_MAX_PORT}")
    return Listen(host, int(port), "")
