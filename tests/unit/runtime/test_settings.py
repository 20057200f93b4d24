from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from foreshock_runtime.scrubbing import scrub
from foreshock_runtime.settings import Secret, ServiceSettings, SettingsError, load_settings, read_secret_file


class FeedsSettings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    section: ClassVar[str] = "feeds"

    venues: tuple[str, ...] = ("binance", "bybit")
    api_key: Secret | None = None
    depth: int = 5
    fast: bool = False


def load(**kwargs: object) -> FeedsSettings:
    return load_settings(FeedsSettings, **({"env": {}} | kwargs))  # type: ignore[arg-type]


def test_defaults() -> None:
    settings = load()
    assert settings == FeedsSettings()
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.control_listen == "127.0.0.1:0"


def test_precedence_of_sources(tmp_path: Path) -> None:
    toml = tmp_path / "foreshock.toml"
    toml.write_text(
        'partitions = 2\nlog_level = "ERROR"\ndepth = 1\n'
        "[feeds]\npartitions = 3\ntracked_symbols = ['A']\n[signals]\nunknown = 1\n"
    )
    assert load(toml_path=toml).partitions == 3
    assert load(toml_path=toml).log_level == "ERROR"
    assert load(toml_path=toml).depth == 1
    assert load(toml_path=toml).tracked_symbols == ("A",)
    env = {"LOG_LEVEL": "warning", "FORESHOCK_PARTITIONS": "4", "TRACKED_SYMBOLS": "B, C,", "UNRELATED": "x"}
    loaded = load(toml_path=toml, env=env)
    assert (loaded.log_level, loaded.partitions, loaded.tracked_symbols) == ("WARNING", 4, ("B", "C"))
    env |= {"FORESHOCK_LOG_LEVEL": "debug", "REDIS_URL": "redis://r:1"}
    loaded = load(toml_path=toml, env=env, overrides={"partitions": 5, "depth": None})
    assert (loaded.log_level, loaded.partitions, loaded.redis_url) == ("DEBUG", 5, "redis://r:1")
    assert loaded.depth == 1


def test_the_environment_is_text() -> None:
    env = {
        "FORESHOCK_GRACE_SECONDS": "2.5",
        "FORESHOCK_VENUES": "okx",
        "FORESHOCK_FAST": "true",
        "FORESHOCK_DATA_DIR": "/var/lib/x",
        "FORESHOCK_DEPTH": "",
    }
    loaded = load(env=env)
    assert (loaded.grace_seconds, loaded.venues, loaded.fast) == (2.5, ("okx",), True)
    assert loaded.data_dir == Path("/var/lib/x")
    assert loaded.depth == 5


@pytest.mark.parametrize(
    ("env", "overrides", "words"),
    [
        ({"FORESHOCK_PARTITIONS": "none"}, {}, ["partitions", "'none'", "environment FORESHOCK_PARTITIONS"]),
        ({"FORESHOCK_PARTITIONS": "0"}, {}, ["partitions", "'0'", ">= 1"]),
        ({"LOG_LEVEL": "loud"}, {}, ["log_level", "'loud'", "environment LOG_LEVEL"]),
        ({"FORESHOCK_PARTITION": "2"}, {}, ["FORESHOCK_PARTITION", "unknown"]),
        ({"FORESHOCK_GRACE_SECONDS": "inf"}, {}, ["grace_seconds", "finite"]),
        ({"FORESHOCK_GRACE_SECONDS": "-1"}, {}, ["grace_seconds", "> 0"]),
        ({"FORESHOCK_HEALTH_LISTEN": "80"}, {}, ["health_listen", "'80'", "host:port"]),
        ({"REDIS_URL": "http://x"}, {}, ["redis_url", "'http://x'", "redis://"]),
        ({"REDIS_URL": "redis://localhost:notaport/0"}, {}, ["redis_url", "REDIS_URL", "port"]),
        ({"REDIS_URL": "redis://localhost:99999"}, {}, ["redis_url", "REDIS_URL", "port must be 1..65535"]),
        ({"REDIS_URL": "redis://localhost:0"}, {}, ["redis_url", "port"]),
        ({"REDIS_URL": "redis://localhost/x"}, {}, ["redis_url", "number of a database"]),
        ({"REDIS_URL": "unix:///s.sock?db=x"}, {}, ["redis_url", "number of a database"]),
        ({"REDIS_URL": "unix://"}, {}, ["redis_url", "path"]),
        ({"TRACKED_SYMBOLS": "BTCUSDT,ethusdt"}, {}, ["tracked_symbols", "'ethusdt'", "upper case"]),
        ({"FORESHOCK_REDIS_PASSWORD_FILE": "/nowhere/pw"}, {}, ["redis_password_file", "/nowhere/pw"]),
        ({}, {"depth": "deep"}, ["depth", "'deep'", "argument"]),
        ({}, {"data_dir": 5}, ["data_dir", "5", "argument"]),
        ({}, {"nothing": 1}, ["nothing", "unknown", "argument"]),
        ({}, {"api_key": 5}, ["api_key", "***", "argument"]),
        ({"FORESHOCK_API_KEY_FILE": "/nowhere/key"}, {}, ["api_key", "/nowhere/key"]),
    ],
)
def test_bad_values_name_field_value_and_source(
    env: dict[str, str], overrides: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(env=env, overrides=overrides)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("depth = 'x'", "depth"),
        ("unknown = 1", "unknown"),
        ("feeds = 1", "feeds"),
        ("[velosity]\npartitions = 2", "velosity.*velocity"),
        ("[feeds]\nvenue = ['x']", "venue"),
        ("depth = ", "foreshock.toml"),
    ],
)
def test_bad_files_name_field_and_file(tmp_path: Path, text: str, word: str) -> None:
    toml = tmp_path / "foreshock.toml"
    toml.write_text(text)
    with pytest.raises(SettingsError, match=word) as caught:
        load(toml_path=toml)
    assert "foreshock.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        load(toml_path=tmp_path / "absent.toml")


def test_secrets_come_from_files_and_never_show(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("opensesame-1\n")
    loaded = load(env={"FORESHOCK_API_KEY_FILE": str(path)})
    assert loaded.api_key is not None
    assert loaded.api_key.reveal() == "opensesame-1"
    for shown in (repr(loaded), str(loaded), f"{loaded.api_key}", f"{loaded.api_key:>9}", repr(loaded.api_key)):
        assert "opensesame" not in shown
    assert "opensesame" not in scrub("it was opensesame-1")
    assert "opensesame" not in str(list(loaded.__rich_repr__()))


def test_the_password_of_the_store_is_a_secret_and_any_source_may_name_its_file(tmp_path: Path) -> None:
    path, toml = tmp_path / "pw", tmp_path / "foreshock.toml"
    path.write_text("opensesame-2\n")
    toml.write_text(f"[feeds]\nredis_password_file = '{path}'\n")
    given: list[dict[str, object]] = [
        {"env": {"FORESHOCK_REDIS_PASSWORD_FILE": str(path)}},
        {"env": {"FORESHOCK_REDIS_PASSWORD": "opensesame-2"}},
        {"toml_path": toml},
        {"overrides": {"redis_password_file": path}},
    ]
    for sources in given:
        loaded = load(**sources)
        assert loaded.redis_password == Secret("opensesame-2")
        assert "opensesame" not in repr(loaded)


@pytest.mark.parametrize(
    "url", ["redis://h", "redis://h:6380/", "rediss://u:p@h:1/15", "unix:///run/r.sock?db=2", "unix://u:p@/run/r.sock"]
)
def test_good_addresses_of_the_store(url: str) -> None:
    assert load(env={"REDIS_URL": url}).redis_url == url


def test_a_password_in_the_url_never_shows() -> None:
    loaded = load(env={"REDIS_URL": "redis://u:p%40ssw0rd-x@h/0"})
    assert "ssw0rd" not in repr(loaded)
    assert "ssw0rd" not in scrub("AUTH p@ssw0rd-x")
    assert "ssw0rd" not in scrub("AUTH p%40ssw0rd-x")
    with pytest.raises(SettingsError) as caught:
        load(env={"REDIS_URL": "rediss_://u:other-secret@h/0"})
    assert "other-secret" not in str(caught.value)


def test_a_bad_secret_does_not_show_in_its_error() -> None:
    with pytest.raises(SettingsError) as caught:
        load(overrides={"api_key": ["hush-hush"]})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe"])
def test_secret_files_must_hold_something(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="api_key"):
        read_secret_file(path, "api_key")


def test_secrets_compare_and_hash_by_value() -> None:
    assert Secret("abcd-1") == Secret("abcd-1")
    assert Secret("abcd-1") != Secret("abcd-2")
    assert Secret("abcd-1") != "abcd-1"
    assert len({Secret("abcd-1"), Secret("abcd-1")}) == 1
    assert Secret("x")
    assert not Secret("")


@pytest.mark.parametrize("write", [pickle.dumps, msgspec.json.encode])
def test_secrets_are_not_written(write: Callable[[object], bytes]) -> None:
    with pytest.raises(TypeError):
        write(Secret("abcd-1"))


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        FeedsSettings().depth = 6  # type: ignore[misc]
