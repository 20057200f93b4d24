"""A PostgreSQL of our own: on a unix socket in a folder of its own, gone with the tests."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

USER = "archivist"
PATIENCE = 60.0
UNPRIVILEGED = "nobody"
"""Who runs it where the tests are root, which PostgreSQL refuses."""


def program(name: str) -> str | None:
    """Return the path of one of PostgreSQL's programs: Debian keeps them off PATH."""
    if found := shutil.which(name):
        return found
    return next((str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None)


class PostgresServer:
    """A running server. dsn holds its password."""

    def __init__(self, folder: Path, password: str) -> None:
        self.folder = folder
        self.password = password
        self.dsn = f"host={folder} user={USER} dbname=postgres password={password}"

    def database(self, name: str) -> str:
        """Make a database, and return its connection string."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.dsn.replace("dbname=postgres", f"dbname={name}")


def query(dsn: str, text: str, values: Sequence[Any] = ()) -> list[Any]:
    """Run one statement and return its rows."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(text.encode(), values)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """Run a server while the block lasts. There must be an `initdb`."""
    folder = Path(tempfile.mkdtemp(prefix="foreshock-pg-"))
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    server = PostgresServer(folder, secrets.token_hex(16))
    secret = folder / "password"
    secret.write_text(server.password, encoding="utf-8")
    secret.chmod(0o644)
    data = folder / "data"
    command = [str(program("initdb")), "-D", str(data), "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}"]
    process = None
    try:
        subprocess.run([*command, "--no-sync", "-E", "UTF8"], check=True, capture_output=True, cwd=folder, user=user)
        with (folder / "log").open("wb") as log:
            options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
            command = [str(program("postgres")), "-D", str(data), *options]
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, user=user)
        wait_for(server)
        yield server
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
        shutil.rmtree(folder)


def wait_for(server: PostgresServer) -> None:
    """Wait until it takes connections."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(server.dsn).close()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return
