"""Settings of the shell for services that one supervisor starts: each variable goes where its field is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from foreshock_feeds.settings import FeedsSettings
from foreshock_lab.errors import LabError
from foreshock_runtime.settings import CUSTOMARY, PREFIX, ServiceSettings, SettingsError, load_settings
from foreshock_signals.settings import SignalsSettings
from foreshock_velocity.settings import VelocitySettings

KINDS: Mapping[str, type[ServiceSettings]] = {
    kind.section: kind for kind in (FeedsSettings, VelocitySettings, SignalsSettings)
}
FILE = "FORESHOCK_CONFIG"
"""Names the TOML file, for every service."""
S = TypeVar("S", bound=ServiceSettings)


class HouseWishes(FeedsSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the shell asks of a house as a whole: feeds' settings, redis_url empty when nobody names a server."""

    redis_url: str = ""


def inherited(env: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the variables of each service. Raises LabError naming a FORESHOCK_* variable that no service has."""
    given = {name: value for name, value in env.items() if value and (name.startswith(PREFIX) or name in CUSTOMARY)}
    found = {
        service: {name: value for name, value in given.items() if _has(kind, name)} for service, kind in KINDS.items()
    }
    for name in given:
        if not any(name in each for each in found.values()):
            raise LabError(f"{name}: no service has such a setting")
    return found


def wishes(env: Mapping[str, str]) -> HouseWishes:
    """Return what variables of `inherited` and the TOML file they name ask for. Raises LabError."""
    return _loaded(HouseWishes, env)


def as_feeds_reads(env: Mapping[str, str]) -> FeedsSettings:
    """Return settings as feeds will read them from this environment. Raises LabError."""
    return _loaded(FeedsSettings, env)


def _loaded(kind: type[S], env: Mapping[str, str]) -> S:
    toml = env.get(FILE, "")
    rest = {name: value for name, value in env.items() if name != FILE}
    try:
        return load_settings(kind, env=rest, toml_path=Path(toml) if toml else None)
    except SettingsError as error:
        raise LabError(str(error)) from error


def _has(kind: type[ServiceSettings], name: str) -> bool:
    field = name.removeprefix(PREFIX).lower()
    fields = {each.name for each in msgspec.structs.fields(kind)}
    return name in CUSTOMARY or name == FILE or field in fields or field.removesuffix("_file") in fields
