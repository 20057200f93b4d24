"""What the control servicers of all services have in common: three calls of one form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import grpc.aio

from foreshock_protos.common.v1 import common_pb2
from foreshock_runtime.control import ConfigControl


class ControlServicer(ABC):
    """Answers control calls of one process.

    messages  the service's `control_pb2`;  register: what adds its servicer to a server, of `control_pb2_grpc`
    """

    def __init__(self, messages: Any, register: Callable[[Any, Any], None], config: ConfigControl[Any]) -> None:
        self._messages = messages
        self._register = register
        self._config = config

    @abstractmethod
    def status(self) -> common_pb2.ServiceStatus:
        """Return how this process fares."""

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register with a server."""
        self._register(self, server)

    async def GetConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - gRPC's names
        """Return the newest configuration."""
        return await self._config.get(self._messages.GetConfigResponse(), context)

    async def UpdateConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """Store a change and write it into every partition's stream."""
        return await self._config.update(request, self._messages.UpdateConfigResponse(), context)

    async def GetStatus(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - gRPC's names
        """Return how this process fares."""
        return self._messages.GetStatusResponse(status=self.status())
