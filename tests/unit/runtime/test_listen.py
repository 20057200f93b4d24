from __future__ import annotations

import pytest

from foreshock_runtime.listen import Listen, parse_listen


@pytest.mark.parametrize(
    ("text", "expected", "local"),
    [
        ("127.0.0.1:0", Listen("127.0.0.1", 0, ""), True),
        ("0.0.0.0:50051", Listen("0.0.0.0", 50051, ""), False),
        ("localhost:1", Listen("localhost", 1, ""), True),
        ("[::1]:80", Listen("::1", 80, ""), True),
        ("[::]:80", Listen("::", 80, ""), False),
        ("example.internal:80", Listen("example.internal", 80, ""), False),
        ("unix:/run/x.sock", Listen("", 0, "/run/x.sock"), True),
    ],
)
def test_addresses_are_read_and_written(text: str, expected: Listen, local: bool) -> None:
    listen = parse_listen(text)
    assert listen == expected
    assert listen.local is local
    assert str(listen) == text


def test_three_slashes_are_a_path_too() -> None:
    assert parse_listen("unix:///run/x").path == "/run/x"


@pytest.mark.parametrize("text", ["", "80", "host:", ":80", "host:x", "host:70000", "host:-1", "unix:"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|port|path"):
        parse_listen(text)
