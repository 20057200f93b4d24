"""Structured logs: an event name and fields, for people on a terminal, JSON elsewhere, and never a secret.

Everything, also what other libraries log, passes one formatter whose last step scrubs the finished line.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO

import msgspec

from foreshock_runtime.scrubbing import MASK, is_secret_name, register_secret, scrub

__all__ = [
    "LogFormat",
    "LogLevel",
    "Logger",
    "configure",
    "get_logger",
    "handle_loop_errors",
    "register_secret",
]

LogFormat = Literal["auto", "human", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

_ROOT = "foreshock"
_FIELDS = "foreshock_fields"
_FIXED = ("time", "severity", "logger", "event", "exception")


class Logger:
    """Writes one line per outcome: `log.info("signal_emitted", symbol=symbol, level=level)`."""

    __slots__ = ("_bound", "_log")

    def __init__(self, log: logging.Logger, bound: Mapping[str, Any] | None = None) -> None:
        self._log = log
        self._bound = dict(bound or {})

    def bind(self, **fields: Any) -> Logger:
        """Return a logger that adds these fields to each line."""
        return Logger(self._log, self._bound | fields)

    def debug(self, event: str, /, **fields: Any) -> None:
        """Log for someone who looks for a fault."""
        self._emit(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """Log an outcome."""
        self._emit(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """Log what may need a person."""
        self._emit(logging.WARNING, event, fields)

    def error(self, event: str, /, exc_info: BaseException | None = None, **fields: Any) -> None:
        """Log what failed, with an exception's traceback where one is given."""
        self._emit(logging.ERROR, event, fields, exc_info=exc_info)

    def exception(self, event: str, /, **fields: Any) -> None:
        """Log what failed, with the traceback of the exception in hand (without local variables)."""
        self._emit(logging.ERROR, event, fields, exc_info=True)

    def _emit(self, level: int, event: str, fields: dict[str, Any], *, exc_info: Any = None) -> None:
        if self._log.isEnabledFor(level):
            merged = self._bound | fields if self._bound else fields
            self._log.log(level, "%s", event, exc_info=exc_info, extra={_FIELDS: merged}, stacklevel=3)


def get_logger(name: str) -> Logger:
    """Return the logger of a module; `foreshock_feeds.app` and `feeds.app` are the same one."""
    return Logger(logging.getLogger(f"{_ROOT}.{name.removeprefix('foreshock_')}"))


def configure(level: LogLevel = "INFO", format: LogFormat = "auto", stream: TextIO | None = None) -> None:  # noqa: A002 - the setting's own word
    """Send all logs of the process to one stream (stderr unless told) and take over the uncaught errors.

    `auto` is human on a terminal and JSON elsewhere. Other libraries speak from WARNING on (from `level` when
    it is higher, from INFO when it is DEBUG).
    """
    target = sys.stderr if stream is None else stream
    human = format == "human" or (format == "auto" and target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(HumanFormatter() if human else JsonFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    ours = getattr(logging, level)
    logging.getLogger(_ROOT).setLevel(ours)
    root.setLevel(logging.INFO if ours == logging.DEBUG else max(ours, logging.WARNING))
    # A failing handler would print the raw arguments, secrets included, to stderr.
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    _install_hooks()


class _ScrubbingFormatter(logging.Formatter):
    """Renders the whole line, then scrubs it."""

    def format(self, record: logging.LogRecord) -> str:
        return scrub(self.render(record))

    def render(self, record: logging.LogRecord) -> str:
        raise NotImplementedError

    def trace_of(self, record: logging.LogRecord) -> str:
        parts = []
        if record.exc_info and record.exc_info[0] is not None:
            parts.append(self.formatException(record.exc_info))
        if record.stack_info:
            parts.append(record.stack_info)
        return "\n".join(parts)


class JsonFormatter(_ScrubbingFormatter):
    """One JSON object a line: time, severity, logger, event, then the fields."""

    def render(self, record: logging.LogRecord) -> str:
        """Return the line, not yet scrubbed."""
        line: dict[str, Any] = {
            "time": _when(record).isoformat(timespec="microseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "event": _message_of(record),
        }
        for name, value in _fields_of(record).items():
            line[f"{name}_" if name in _FIXED else name] = value
        if trace := self.trace_of(record):
            line["exception"] = trace
        return msgspec.json.encode(line).decode()


class HumanFormatter(_ScrubbingFormatter):
    """Time, severity, event, `name=value`; a traceback on lines of its own."""

    def render(self, record: logging.LogRecord) -> str:
        """Return the line, not yet scrubbed."""
        clock = _when(record).strftime("%H:%M:%S.%f")[:-3]
        words = [clock, f"{record.levelname.lower():<8}", _one_line(_message_of(record))]
        words += [f"{name}={_word(value)}" for name, value in _fields_of(record).items()]
        line = " ".join(words)
        trace = self.trace_of(record)
        return f"{line}\n{trace}" if trace else line


def _when(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - another library's bad format string must not lose its line
        return str(record.msg)


def _fields_of(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, _FIELDS, {})
    return {name: MASK if is_secret_name(name) else _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    """Return the value as JSON knows it. Bytes become text: base64 would hide a secret from the scrub."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {str(k): MASK if is_secret_name(str(k)) else _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return _safe_str(value)


def _safe_str(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a log line never fails because of what it shows
        return f"<{type(value).__name__}>"


def _one_line(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _word(value: Any) -> str:
    if isinstance(value, str) and value and value.isprintable() and not set(value) & set(" \"'="):
        return value
    return msgspec.json.encode(value).decode()


def _install_hooks() -> None:
    log = get_logger("process")

    def on_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log._emit(logging.CRITICAL, "uncaught_exception", {}, exc_info=(kind, error, trace))  # noqa: SLF001

    def on_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            on_uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    def on_unraisable(args: Any) -> None:
        if args.exc_value is not None:
            on_uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = on_uncaught
    threading.excepthook = on_thread
    sys.unraisablehook = on_unraisable


def handle_loop_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Send what the event loop could not deliver to the log.

    Names that cannot be looked up are told of once: the caller sees the failure too, and whoever gave up waiting
    for the lookup is no fault.
    """
    log = get_logger("process")
    told: set[str] = set()

    def on_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, socket.gaierror):
            if str(error) not in told:
                told.add(str(error))
                log.warning("name_lookup_failed", reason=str(error))
            return
        info = (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None
        fields = {"reason": context.get("message", "")}
        log._emit(logging.ERROR, "event_loop_error", fields, exc_info=info)  # noqa: SLF001

    loop.set_exception_handler(on_error)
