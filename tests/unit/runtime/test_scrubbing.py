from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_runtime import scrubbing
from foreshock_runtime.scrubbing import MASK, is_secret_name, register_secret, scrub

BAIT = 'tr0ub4dor&3 "quoted" \\ and/é'


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrubbing, "_forms", set())
    monkeypatch.setattr(scrubbing, "_registered", None)


@pytest.mark.parametrize(
    "shown",
    [
        BAIT,
        json.dumps({"x": BAIT}),
        json.dumps({"x": BAIT}, ensure_ascii=False),
        repr(BAIT),
        repr(BAIT.encode()),
        quote(BAIT),
        quote(BAIT, safe=""),
        base64.b64encode(BAIT.encode()).decode(),
        base64.urlsafe_b64encode(BAIT.encode()).decode().rstrip("="),
        BAIT.encode().hex(),
    ],
)
def test_a_registered_value_is_masked_in_every_form(shown: str) -> None:
    register_secret(BAIT)
    assert scrub(f"before {shown} after").count(MASK) == 1
    assert "tr0ub4dor" not in scrub(shown)


def test_the_longest_form_goes_first() -> None:
    register_secret("abcd")
    register_secret("abcdefgh")
    assert scrub("x abcdefgh y") == f"x {MASK} y"


def test_bytes_and_surrounding_space_are_registered() -> None:
    register_secret(b"  from-a-file\n")
    assert scrub("got from-a-file here") == f"got {MASK} here"


@pytest.mark.parametrize("short", ["", "a", "abc"])
def test_values_too_short_to_tell_from_words_are_left(short: str) -> None:
    register_secret(short)
    assert scrub("a quick abc brown fox") == "a quick abc brown fox"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://user:pw1234@host/0", "redis://***@host/0"),
        ("unix://foreshock:a:b@c@/run/s", "unix://***@/run/s"),
        ("see https://example.invalid/a@b", "see https://example.invalid/a@b"),
        ("Authorization: Bearer abc.def-1", "Authorization: *** ***"),
        ("sent bearer eyJhbGciOi.x", "sent bearer ***"),
        ("with Basic dXNlcjpwYXNzd29yZA==", "with Basic ***"),
        ("password=hunter2 next=1", "password=*** next=1"),
        ("api_key: 'a b c', rest", "api_key: '***', rest"),
        ('{"auth_token": "a\\"b", "n": 1}', '{"auth_token": "***", "n": 1}'),
        ('{"m": "{\\"secret\\": \\"abc\\"}"}', '{"m": "{\\"secret\\": \\"***\\"}"}'),
        ("url?apikey=abc&x=1", "url?apikey=***&x=1"),
        ("control_token_file=/run/secrets/t", "control_token_file=/run/secrets/t"),
        ("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----!", "***!"),
        ("-----BEGIN EC PRIVATE KEY-----\nMIIB cut", "***"),
        ("symbol=BTCUSDT level=ALERT", "symbol=BTCUSDT level=ALERT"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, expected: str) -> None:
    assert scrub(text) == expected


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=4))
def test_json_stays_json(fields: dict[str, str]) -> None:
    """Masking never breaks the line for whoever parses it."""
    line = json.dumps(fields | {"password": 'a"b\\c', "token": "x y"})
    masked = json.loads(scrub(line))
    assert masked["password"] == MASK
    assert masked["token"] == MASK


def test_names_of_secrets() -> None:
    assert is_secret_name("redis_password")
    assert is_secret_name("API-Key")
    assert not is_secret_name("redis_password_file")
    assert not is_secret_name("symbol")
