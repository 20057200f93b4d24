"""What a person can set, call or implement stands in the documentation: each name and each default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
from google.protobuf.descriptor import FieldDescriptor

from foreshock_archive.settings import ArchiveSettings
from foreshock_cli.catalogue import COMMANDS
from foreshock_feeds.config import FeedsConfig
from foreshock_feeds.settings import EndpointSettings, FeedsSettings
from foreshock_protos.feeds.v1 import control_pb2 as feeds_pb2
from foreshock_protos.signals.v1 import control_pb2 as signals_pb2
from foreshock_protos.velocity.v1 import control_pb2 as velocity_pb2
from foreshock_runtime.settings import CUSTOMARY, PREFIX, ServiceSettings
from foreshock_sdk.hookspecs import ENTRY_POINT_GROUP, ForeshockSpecs
from foreshock_signals.domain.config import SignalsConfig
from foreshock_signals.settings import SignalsSettings
from foreshock_velocity.domain.config import VelocityConfig
from foreshock_velocity.settings import VelocitySettings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
KEYS = {"venue_delay_ms": "VENUE", "overrides": "SYMBOL"}
"""What the page calls the keys of a map."""
SETTINGS = [ServiceSettings, FeedsSettings, VelocitySettings, SignalsSettings, ArchiveSettings]
CONFIGS = {FeedsConfig: feeds_pb2, VelocityConfig: velocity_pb2, SignalsConfig: signals_pb2}
PROTOS = sorted((ROOT / "protos").rglob("*.proto"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("plugins/*/*.md"))]


def rows(heading: str, page: str = PAGE) -> dict[str, str]:
    """Return name and default of each row of the table under a heading."""
    _, found, rest = page.partition(f"\n## {heading}\n")
    assert found, f"no heading {heading!r}"
    section = re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (?:`([^`]*)`|none) \| [^|\n]{8,} \|$", section, re.MULTILINE))


def heading_of(kind: type[msgspec.Struct]) -> str:
    """Return the heading a class is documented under."""
    if issubclass(kind, ServiceSettings):
        return "Every service" if kind is ServiceSettings else kind.section
    return f"Configuration of {kind.__name__.removesuffix('Config').lower()}"


def written(value: Any) -> str:
    """Return a default as the page writes it."""
    if value is None or value in ({}, ()):
        return ""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def settings_of(kind: type[ServiceSettings]) -> dict[str, str]:
    """Return variable and default of what this class adds or changes."""
    told = {PREFIX + field.name.upper(): written(default_of(field)) for field in msgspec.structs.fields(kind)}
    if kind is ServiceSettings:
        return told
    return dict(told.items() - settings_of(ServiceSettings).items())


def structs_in(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """Walk the structs that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in get_args(kind):
        yield from structs_in(part)


def fields_of(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Walk the fields of a configuration as `config set` names them, with their defaults."""
    for field in msgspec.structs.fields(kind):
        name, inner = prefix + field.name, next(structs_in(field.type), None)
        if get_origin(field.type) is dict:
            key = f"{name}.{KEYS[field.name]}"
            yield from fields_of(inner, f"{key}.") if inner else [(key, written(default_of(field)))]
        elif inner is field.type:
            yield from fields_of(inner, f"{name}.")
        else:
            yield name, written(default_of(field))


@pytest.mark.parametrize("kind", SETTINGS, ids=lambda kind: kind.__name__)
def test_every_setting_and_its_default(kind: type[ServiceSettings]) -> None:
    assert rows(heading_of(kind)) == settings_of(kind)


@pytest.mark.parametrize("kind", CONFIGS, ids=lambda kind: kind.__name__)
def test_every_configuration_field_and_its_default(kind: type[msgspec.Struct]) -> None:
    assert rows(heading_of(kind)) == dict(fields_of(kind))


def test_a_field_that_is_missing_or_has_another_default_is_seen() -> None:
    heading = heading_of(SignalsConfig)
    told = dict(fields_of(SignalsConfig))
    assert rows(heading, re.sub(r"\| `off_ratio` .*\n", "", PAGE)).keys() == told.keys() - {"off_ratio"}
    assert rows(heading, PAGE.replace("| `off_ratio` | `0.4`", "| `off_ratio` | `0.5`")) == {**told, "off_ratio": "0.5"}


@pytest.mark.parametrize("name", [*CUSTOMARY, "FORESHOCK_CONFIG", *EndpointSettings.__struct_fields__])
def test_every_other_name(name: str) -> None:
    assert f"`{name}`" in PAGE or f"\n# {name}=" in PAGE


@pytest.mark.parametrize("kind", CONFIGS, ids=lambda kind: kind.__name__)
def test_control_has_every_field(kind: type[msgspec.Struct]) -> None:
    """What is documented can be set over gRPC, and nothing else can."""
    told: list[FieldDescriptor] = CONFIGS[kind].DESCRIPTOR.message_types_by_name[kind.__name__].fields
    assert {field.name for field in told} == set(kind.__struct_fields__)


@pytest.mark.parametrize("module", CONFIGS.values(), ids=lambda module: module.DESCRIPTOR.package)
def test_every_method_of_control(module: Any) -> None:
    control = PAGE.partition("\n# Control over gRPC\n")[2]
    for service in module.DESCRIPTOR.services_by_name.values():
        assert f"`{service.name}`" in control
        for method in service.methods:
            assert f"\n| `{method.name}` | " in control


@pytest.mark.parametrize("file", PROTOS, ids=lambda file: str(file.relative_to(ROOT / "protos")))
def test_every_message_field_and_method_of_a_proto_is_described(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    defined = re.compile(r"^\s*(message|service|rpc|enum|(repeated |optional )?(map<.*>|[\w.]+) \w+ = \d+;|\w+ = \d+;)")
    found = [number for number, line in enumerate(lines) if defined.match(line)]
    assert found
    assert [lines[number] for number in found if not lines[number - 1].strip().startswith("//")] == []


def test_every_hook() -> None:
    page = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
    assert f"[project.entry-points.{ENTRY_POINT_GROUP}]" in page
    for name in vars(ForeshockSpecs):
        assert name.startswith("_") or f"def {name}(" in page


def test_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in COMMANDS if f"`foreshock {name}" not in readme} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_tree_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    for name, _, anchor in (link.partition("#") for link in links):
        target = page.parent / name if name else page
        assert target.exists(), name
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {heading.lower().replace(" ", "-") for heading in headings}, anchor
