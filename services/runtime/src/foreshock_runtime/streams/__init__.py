"""Redis Streams with exactly one effect an entry: owners, writers, leases, trimming."""

from foreshock_runtime.streams.lease import Lease
from foreshock_runtime.streams.owner import PartitionOwner
from foreshock_runtime.streams.recovery import Processor
from foreshock_runtime.streams.scripts import Command
from foreshock_runtime.streams.status import OwnerOptions, OwnerStatus
from foreshock_runtime.streams.trim import Trimmed, trim
from foreshock_runtime.streams.writer import PartitionWriter, Waiting, next_epoch

__all__ = [
    "Command",
    "Lease",
    "OwnerOptions",
    "OwnerStatus",
    "PartitionOwner",
    "PartitionWriter",
    "Processor",
    "Trimmed",
    "Waiting",
    "next_epoch",
    "trim",
]
