"""Windows, derivatives and totals of liquidations: a pure function of a partition's entries."""

from foreshock_velocity.domain.config import VelocityConfig
from foreshock_velocity.domain.state import VelocityState

__all__ = ["VelocityConfig", "VelocityState"]
