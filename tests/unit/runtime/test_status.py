from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from foreshock_runtime.streams.status import kind_of


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RedisTimeoutError("slow"), "timeout"),
        (TimeoutError(), "timeout"),
        (RedisConnectionError("refused"), "connection"),
        (OSError(), "connection"),
        (ResponseError("NOGROUP No such key"), "NOGROUP"),
        (ResponseError("UNBLOCKED the stream key no longer exists"), "UNBLOCKED"),
        (ResponseError("unknown command"), "ResponseError"),
        (OutOfMemoryError("command not allowed"), "OutOfMemoryError"),
    ],
)
def test_kinds_of_trouble(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind
