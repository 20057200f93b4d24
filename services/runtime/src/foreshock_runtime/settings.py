"""Settings of a service: read once, into a frozen class; each error names the field and the source."""

from __future__ import annotations

import hmac
import math
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import msgspec

from foreshock_runtime.listen import parse_listen
from foreshock_runtime.log import LogFormat, LogLevel
from foreshock_runtime.scrubbing import MASK, register_secret, scrub

PREFIX = "FORESHOCK_"
CUSTOMARY = {"REDIS_URL": "redis_url", "LOG_LEVEL": "log_level", "TRACKED_SYMBOLS": "tracked_symbols"}

SECTIONS = frozenset({"feeds", "velocity", "signals", "archive", "orders", "dashboard"})
"""Tables of the TOML file: services read the same one, each its own."""

Seconds = Annotated[float, msgspec.Meta(gt=0)]


class SettingsError(ValueError):
    """A setting that is unknown or not valid. The message names field, value (no secret's) and source."""


class Secret:
    """A value that no repr, log line or error shows. Making one registers it with the log."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        register_secret(value)

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not written anywhere")


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every service needs. A service adds fields in a subclass and names its TOML table in `section`."""

    section: ClassVar[str] = "service"

    redis_url: str = "redis://127.0.0.1:6379/0"
    redis_password: Secret | None = None
    partitions: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 1
    instance: Annotated[str, msgspec.Meta(pattern=r"^[\w.\-]{1,64}$")] = "0"
    log_level: LogLevel = "INFO"
    log_format: LogFormat = "auto"
    data_dir: Path | None = None
    health_listen: str = "127.0.0.1:0"
    control_listen: str = "127.0.0.1:0"
    metrics_listen: str = "127.0.0.1:0"
    control_token_file: Path | None = None
    grace_seconds: Seconds = 10.0
    lease_seconds: Annotated[float, msgspec.Meta(ge=0.3, le=60)] = 2.0
    snapshot_seconds: Seconds = 30.0
    tracked_symbols: tuple[str, ...] = ()

    def __repr__(self) -> str:
        fields = (f"{f}={scrub(repr(getattr(self, f)))}" for f in self.__struct_fields__)
        return f"{type(self).__name__}({', '.join(fields)})"

    def __rich_repr__(self) -> Any:
        for name in self.__struct_fields__:
            yield name, scrub(str(getattr(self, name)))


S = TypeVar("S", bound=ServiceSettings)


class _Raw(NamedTuple):
    """A value as its source gave it."""

    value: Any
    source: str
    text: bool  # from the environment, where all is text


def load_settings(
    cls: type[S],
    *,
    env: Mapping[str, str],
    toml_path: Path | None = None,
    overrides: Mapping[str, object] | None = None,
) -> S:
    """Return the settings of a service.

    Precedence: overrides, `FORESHOCK_<FIELD>`, the customary REDIS_URL, LOG_LEVEL and TRACKED_SYMBOLS, the
    TOML file (its table `[cls.section]` before its top level), defaults. Overrides of None and empty
    environment variables count as not given. Lists in the environment are separated by commas, tables are JSON.
    A Secret is better read from a file: every source takes its name with `_file` (`FORESHOCK_<FIELD>_FILE`) for that.

    Raises SettingsError.
    """
    fields = {field.name: field for field in msgspec.structs.fields(cls)}
    raw = {
        **_from_toml(cls.section, toml_path, fields),
        **_from_customary(env, fields),
        **_from_environment(env, fields),
        **_from_overrides(overrides or {}, fields),
    }
    return cls(**{name: _convert(fields[name], value) for name, value in raw.items()})


_Fields = Mapping[str, msgspec.structs.FieldInfo]


def _from_toml(section: str, path: Path | None, fields: _Fields) -> dict[str, _Raw]:
    if path is None:
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"settings file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path}: {error}") from error
    _refuse_unknown_tables(document, SECTIONS | {section}, path)
    top = {name: value for name, value in document.items() if not isinstance(value, dict)}
    table = document.get(section, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{section}: must be a table in {path}")
    found: dict[str, _Raw] = {}
    for name, value in (top | table).items():
        source = f"{path} [{section}]" if name in table else str(path)
        found |= _given(name, name, _Raw(value, source, text=False), fields)
    return found


def _refuse_unknown_tables(document: Mapping[str, Any], sections: frozenset[str], path: Path) -> None:
    for name, value in document.items():
        if isinstance(value, dict) and name not in sections:
            raise SettingsError(f"[{name}]: unknown table in {path}; there are {', '.join(sorted(sections))}")


def _from_customary(env: Mapping[str, str], fields: _Fields) -> dict[str, _Raw]:
    names = {name: field for name, field in CUSTOMARY.items() if field in fields and env.get(name)}
    return {field: _Raw(env[name], f"environment {name}", text=True) for name, field in names.items()}


def _from_environment(env: Mapping[str, str], fields: _Fields) -> dict[str, _Raw]:
    found: dict[str, _Raw] = {}
    for variable, value in env.items():
        if variable.startswith(PREFIX) and value:
            raw = _Raw(value, f"environment {variable}", text=True)
            found |= _given(variable.removeprefix(PREFIX).lower(), variable, raw, fields)
    return found


def _from_overrides(overrides: Mapping[str, object], fields: _Fields) -> dict[str, _Raw]:
    found: dict[str, _Raw] = {}
    for name, value in overrides.items():
        if value is not None:
            found |= _given(name, name, _Raw(value, "argument", text=False), fields)
    return found


def _given(name: str, shown: str, raw: _Raw, fields: _Fields) -> dict[str, _Raw]:
    """Return the field that a name stands for, and its value: what a file holds for `<secret>_file`."""
    owner = name.removesuffix("_file")
    if name in fields:
        return {name: raw}
    if owner in fields and _holds_secret(fields[owner]):
        return {owner: raw._replace(value=read_secret_file(Path(str(raw.value)), name, raw.source))}
    raise SettingsError(f"{shown}: unknown setting in {raw.source}")


def read_secret_file(path: Path, field: str, source: str = "settings") -> Secret:
    """Read a secret, without the line end it is written with. Raises SettingsError when missing or empty."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise SettingsError(f"{field}: cannot read {path} from {source}: {reason}") from None
    if not text:
        raise SettingsError(f"{field}: {path} from {source} is empty")
    return Secret(text)


def _holds_secret(field: msgspec.structs.FieldInfo) -> bool:
    return field.type is Secret or Secret in getattr(field.type, "__args__", ())


def _convert(field: msgspec.structs.FieldInfo, raw: _Raw) -> Any:
    try:
        value = _shape(field, raw)
        converted = msgspec.convert(value, field.type, strict=not raw.text, dec_hook=decode_setting)
        _check(field.name, converted)
    except (msgspec.DecodeError, ValueError) as error:
        shown = MASK if _holds_secret(field) else scrub(repr(raw.value))
        reason = "not valid" if _holds_secret(field) else scrub(str(error))
        raise SettingsError(f"{field.name}: {shown} from {raw.source}: {reason}") from None
    return converted


def _shape(field: msgspec.structs.FieldInfo, raw: _Raw) -> Any:
    if field.name == "log_level" and isinstance(raw.value, str):
        return raw.value.upper()
    origin = getattr(field.type, "__origin__", None)
    if raw.text and origin in {tuple, list, set, frozenset}:
        return [part.strip() for part in raw.value.split(",") if part.strip()]
    if raw.text and origin is dict:
        return msgspec.json.decode(raw.value)
    return raw.value


def decode_setting(kind: type, value: Any) -> Any:
    """Make a Secret or a Path for msgspec. Raises ValueError for other types."""
    if isinstance(value, kind):
        return value
    if kind in {Secret, Path} and isinstance(value, str):
        return kind(value)
    raise ValueError(f"expected {'text' if kind is Secret else 'a path'}")


def _check(name: str, value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be finite")
    if check := _CHECKS.get(name):
        check(value)


def _check_redis_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must begin with redis://, rediss:// or unix://")
    for secret in (parts.password, *parse_qs(parts.query).get("password", ())):
        if secret:
            register_secret(secret)
            register_secret(unquote(secret))
    _check_port(parts)
    database = parts.path.removeprefix("/")
    if parts.scheme == "unix" and not database:
        raise ValueError("unix:// needs a path")
    if parts.scheme != "unix" and database and not database.isdecimal():
        raise ValueError("what follows the host must be the number of a database")
    if not all(number.isdecimal() for number in parse_qs(parts.query).get("db", ())):
        raise ValueError("db must be the number of a database")


def _check_port(parts: SplitResult) -> None:
    try:
        good = parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("port must be 1..65535")


def _check_symbols(symbols: tuple[str, ...]) -> None:
    for symbol in symbols:
        if symbol != symbol.upper():
            raise ValueError(f"{symbol!r} is not in upper case, as in BTCUSDT")


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "redis_url": _check_redis_url,
    "tracked_symbols": _check_symbols,
    "health_listen": parse_listen,
    "control_listen": parse_listen,
    "metrics_listen": parse_listen,
}
