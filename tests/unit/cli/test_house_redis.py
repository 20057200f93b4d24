"""Where the house's Redis is, and what a person is told when it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from foreshock_cli import house_redis, runfile
from foreshock_cli.exits import CommandError, Exit
from foreshock_runtime.embedded import EmbeddedServer


def test_the_option_goes_before_the_environment_and_that_before_a_running_house(tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path)}
    note = runfile.RunNote(
        pid=os.getpid(), command="demo", redis_url="unix:///x", redis_port=None, partitions=1, started=0
    )
    with runfile.left_at(tmp_path / "foreshock", note):
        found = [
            house_redis.locate(None, env),
            house_redis.locate(None, env | {"REDIS_URL": "redis://a"}),
            house_redis.locate(None, env | {"REDIS_URL": "redis://a", "FORESHOCK_REDIS_URL": "redis://b"}),
            house_redis.locate("redis://c", env | {"REDIS_URL": "redis://a"}),
        ]
    assert [each.url for each in found] == ["unix:///x", "redis://a", "redis://b", "redis://c"]
    assert found[0].source == f"`foreshock demo` running here (pid {os.getpid()})"
    with pytest.raises(CommandError, match="no house is running here") as raised:
        house_redis.locate(None, env)
    assert raised.value.code is Exit.UNREACHABLE


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:p@ss@host:1/2", "redis://host:1/2"),
        ("unix://u:p@/run/redis.sock", "unix:///run/redis.sock"),
        ("redis://host?password=x", "redis://host"),
        ("rediss://host", "rediss://host"),
    ],
)
def test_an_address_is_shown_without_credentials(url: str, shown: str) -> None:
    assert house_redis.public(url) == shown


def test_a_password_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(" secret\n")
    assert house_redis.password_from_file({"FORESHOCK_REDIS_PASSWORD_FILE": str(file)}) == "secret"
    assert house_redis.password_from_file({}) is None
    with pytest.raises(CommandError, match="cannot be read"):
        house_redis.password_from_file({"FORESHOCK_REDIS_PASSWORD_FILE": str(tmp_path / "absent")})
    file.write_bytes(b"\xff")
    with pytest.raises(CommandError, match="not text"):
        house_redis.password_from_file({"FORESHOCK_REDIS_PASSWORD_FILE": str(file)})


def test_the_password_of_a_file_goes_with_a_user_in_the_address(redis_server: EmbeddedServer) -> None:
    env = {"FORESHOCK_REDIS_PASSWORD_FILE": str(redis_server.password_file)}
    assert "foreshock@" in redis_server.plain_url
    for url in (redis_server.plain_url, redis_server.url):
        with house_redis.connected(url, env) as client:
            assert client.ping()
    with house_redis.connected(redis_server.url, env | {"FORESHOCK_REDIS_PASSWORD_FILE": __file__}) as client:
        assert client.ping(), "a password in the address goes before"


def test_what_is_no_address_is_a_usage_error() -> None:
    with (
        pytest.raises(CommandError, match="is not a Redis address") as raised,
        house_redis.connected("http://host", {}),
    ):
        pass
    assert raised.value.code is Exit.USAGE
