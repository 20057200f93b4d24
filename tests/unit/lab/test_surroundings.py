"""What a shell's settings become for each service of a house."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from foreshock_lab.errors import LabError
from foreshock_lab.house import SERVICES, House, HouseSettings
from foreshock_lab.surroundings import KINDS, as_feeds_reads, inherited, wishes
from foreshock_runtime.settings import ServiceSettings


def test_every_service_has_its_settings() -> None:
    assert tuple(KINDS) == SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_every_field_of_a_service_comes_through_to_it(service: str) -> None:
    names = [f"FORESHOCK_{each.name.upper()}" for each in msgspec.structs.fields(KINDS[service])]
    assert list(inherited(dict.fromkeys(names, "1"))[service]) == names


def test_what_all_services_share_goes_to_all_and_what_one_has_to_it_alone() -> None:
    env = {
        "REDIS_URL": "redis://h",
        "FORESHOCK_CONFIG": "f.toml",
        "FORESHOCK_REDIS_PASSWORD_FILE": "p",
        "FORESHOCK_VENUES": "okx",
        "FORESHOCK_LOG_LEVEL": "",
        "PATH": "/bin",
    }
    found = inherited(env)
    shared = {name: env[name] for name in ("REDIS_URL", "FORESHOCK_CONFIG", "FORESHOCK_REDIS_PASSWORD_FILE")}
    assert found == {"feeds": shared | {"FORESHOCK_VENUES": "okx"}, "velocity": shared, "signals": shared}


def test_a_variable_that_no_service_has_is_named() -> None:
    with pytest.raises(LabError, match="FORESHOCK_VENEUS: no service has such a setting"):
        inherited({"FORESHOCK_VENEUS": "okx"})


def test_a_server_is_wished_for_only_when_it_is_named() -> None:
    assert wishes({}).redis_url == ""
    assert wishes({"REDIS_URL": "redis://a"}).redis_url == "redis://a"
    assert as_feeds_reads({}).redis_url == ServiceSettings().redis_url
    with pytest.raises(LabError, match="redis_url"):
        wishes({"REDIS_URL": "http://a"})


def test_what_a_house_was_told_goes_before_its_surroundings_and_those_before_defaults(tmp_path: Path) -> None:
    env = {"FORESHOCK_PARTITIONS": "5", "FORESHOCK_VENUES": "okx", "FORESHOCK_GATHER_MS": "2", "LOG_LEVEL": "DEBUG"}
    told = HouseSettings(run_dir=tmp_path, redis_url="redis://h", partitions=2, venues=("bybit",))
    plain, within = House(told), House(msgspec.structs.replace(told, inherited=inherited(env)))
    feeds = as_feeds_reads(within._environment("feeds"))
    assert (feeds.partitions, feeds.venues, feeds.gather_ms, feeds.log_level) == (2, ("bybit",), 2.0, "DEBUG")
    assert "FORESHOCK_GATHER_MS" not in within._environment("signals")
    assert (feeds.log_format, as_feeds_reads(plain._environment("feeds")).log_level) == ("json", "INFO")
    file = House(msgspec.structs.replace(told, inherited=inherited({"FORESHOCK_LOG_FORMAT": "human"})))
    assert as_feeds_reads(file._environment("feeds")).log_format == "human"
