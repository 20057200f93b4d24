"""Take secrets out of text. It works on the final string, so nothing that was formatted into it gets past."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

MASK = "***"
# Shorter values would mask ordinary words everywhere and make the log useless.
MIN_SECRET = 4

_NAME = (
    r"(?:password|passwd|passphrase|secret|token|api[_-]?key|authorization|credential|private[_-]?key"
    r"|access[_-]?key|session[_-]?key)"
)
_NAME_RE = re.compile(_NAME, re.IGNORECASE)
# Names of files that hold secrets are no secrets: control_token_file=/run/secrets/token stays readable.
_KEY_VALUE = re.compile(
    rf"""(?P<key>[\w.\-]*{_NAME}(?![\w.\-]*(?:_file|_path)\b)[\w.\-]*\\?["']?\s*[:=]\s*)
    (?P<value>\\"[^"\\]*\\"|b?"(?:[^"\\]|\\.)*"|b?'(?:[^'\\]|\\.)*'|[^\s,;&"'}})\]\\]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_URL = re.compile(r"\b([A-Za-z][\w+.\-]*://)[^\s/\"'@]*(?:@[^\s/\"'@]*)*@")
_BEARER = re.compile(r"\b(bearer)\s+[\w.~+/=\-]+", re.IGNORECASE)
_BASIC = re.compile(r"\b(Basic)\s+[A-Za-z0-9+/=]{12,}")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)

_forms: set[str] = set()
_registered: re.Pattern[str] | None = None


def register_secret(value: str | bytes) -> None:
    """Mask this value, and what it becomes when quoted, escaped or in base64, in every later line.

    Values shorter than four characters are not registered.
    """
    global _registered  # noqa: PLW0603 - one process has one set of secrets; it is replaced as a whole
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    for candidate in {text, text.strip()}:
        if len(candidate) >= MIN_SECRET:
            _forms.update(_forms_of(candidate))
    if _forms:
        longest_first = sorted(_forms, key=len, reverse=True)
        _registered = re.compile("|".join(re.escape(form) for form in longest_first))


def _forms_of(value: str) -> set[str]:
    raw = value.encode()
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex()}
    return {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        repr(raw)[2:-1],
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        *encoded,
        *(form.rstrip("=") for form in encoded),
    }


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name holds a secret (and not the path of one)."""
    return bool(_NAME_RE.search(name)) and not name.lower().endswith(("_file", "_path"))


def _mask_value(match: re.Match[str]) -> str:
    value = match["value"]
    for quote_mark in ('\\"', '"', "'"):
        if value.endswith(quote_mark):
            return f"{match['key']}{quote_mark}{MASK}{quote_mark}"
    return match["key"] + MASK


def scrub(text: str) -> str:
    """Return the text with registered values and everything that looks like a secret masked."""
    if _registered is not None:
        text = _registered.sub(MASK, text)
    text = _PEM.sub(MASK, text)
    text = _URL.sub(rf"\1{MASK}@", text)
    text = _BASIC.sub(rf"\1 {MASK}", _BEARER.sub(rf"\1 {MASK}", text))
    return _KEY_VALUE.sub(_mask_value, text)
