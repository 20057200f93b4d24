"""Names of every stream, key and channel. `{pN}` is a Redis Cluster hash tag and stands in the name literally."""

from __future__ import annotations

from zlib import crc32

CASCADE_SIGNALS = "cascade:signals"
CASCADE_ALERTS = "cascade:alerts"
CASCADE_CRITICAL = "cascade:critical"
CASCADE_HISTORY = "cascade:signals:history"
FEEDS_HEALTH = "feeds:health"
FEEDS_BAD = "feeds:bad"
"""The newest frames that could not be understood."""
FEEDS_SHARES = "feeds:shares"
"""Hash by venue: liquidated USD and live seconds of the last 24 hours, which the shares behind coverage follow from."""
REGIME = "regime:current"
BTC_PRICE = "btc:price:current"
BTC_VOLATILITY = "volatility:btc:current"
ALIVE_KNOWN = "alive:known"
"""Names of the processes, so that nobody has to search the keys for the living ones."""
WATCHDOG_LEASE = "lease:watchdog"
WATCHDOG_STATE = "watchdog:state"
MARKET_LEASE = "lease:market"
MARKET_STATE = "state:market"


def partition_of(symbol: str, partitions: int) -> int:
    """Return the partition of a symbol: all venues of one underlying meet in one place."""
    return crc32(symbol.encode()) % partitions


def tag(partition: int) -> str:
    """Return the hash tag of a partition, braces included."""
    return f"{{p{partition}}}"


def events(partition: int) -> str:
    """Stream of the partition's inputs, its only sequencer."""
    return f"events:{tag(partition)}"


def metrics(partition: int) -> str:
    """Stream of velocity's answers: one entry an input, same id."""
    return f"metrics:{tag(partition)}"


def signals(partition: int) -> str:
    """Stream of the partition's signals, the record."""
    return f"signals:{tag(partition)}"


def state(service: str, partition: int) -> str:
    """Hash with the two newest snapshots of a stateful service."""
    return f"state:{service}:{tag(partition)}"


def cursor(service: str, partition: int) -> str:
    """Id of the last input whose answer is committed."""
    return f"cursor:{service}:{tag(partition)}"


def lease(service: str, partition: int) -> str:
    """Lock of the partition's owner."""
    return f"lease:{service}:{tag(partition)}"


def route_lease(route: str) -> str:
    """Lock of the one feeds process that writes what a route (venue/name) brings."""
    return f"lease:feeds:{route}"


def group_lease(group: str) -> str:
    """Lock of the one process that reads all partitions for a consumer group."""
    return f"lease:{group}"


def dead(stream: str) -> str:
    """Stream of the entries of another one that could not be processed."""
    return f"{stream}:dead"


def config(service: str) -> str:
    """Hash with the configuration a service runs."""
    return f"config:{service}"


def config_history(service: str) -> str:
    """List of earlier revisions, newest first."""
    return f"config:{service}:history"


def alive(service: str, instance: str) -> str:
    """Heartbeat of one process, with its addresses."""
    return f"alive:{service}:{instance}"


def epoch(writer: str) -> str:
    """Counter of a writer's starts."""
    return f"epoch:{writer}"


def probability(symbol: str) -> str:
    """Latest probability of a symbol, both sides."""
    return f"cascade:probability:{symbol}"


def history(symbol: str) -> str:
    """Recent signals of a symbol, by time."""
    return f"{CASCADE_HISTORY}:{symbol}"


def velocity_current(symbol: str) -> str:
    """Latest metrics of a symbol."""
    return f"velocity:{symbol}:current"


def mark_current(symbol: str) -> str:
    """Latest mark price of a symbol."""
    return f"mark:{symbol}:current"


def funding_current(symbol: str) -> str:
    """Latest funding rate of a symbol, of the contract that gives its mark price."""
    return f"funding:{symbol}:current"


def interest_change(symbol: str) -> str:
    """Open interest of a symbol over its contracts, and its changes."""
    return f"oi:{symbol}:change"


def output_id(entry_id: str, k: int) -> str:
    """Return the id of the k-th output (k < 1024) of one input: `ms-(seq*1024+k)`, in input order."""
    if not 0 <= k < 1024:  # noqa: PLR2004 - the bound is in the name of the scheme
        msg = f"k must be within 0..1023, got {k}"
        raise ValueError(msg)
    ms, seq = entry_id.split("-")
    return f"{ms}-{int(seq) * 1024 + k}"
