"""Tables in PostgreSQL, hypertables where TimescaleDB is installed there. Rows and position share a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict

from foreshock_archive.domain import position as positions
from foreshock_archive.domain.position import Position
from foreshock_archive.domain.schemas import IDENTITY, SCHEMAS, TIME_OF
from foreshock_archive.sink import SinkError
from foreshock_runtime.scrubbing import register_secret, scrub
from foreshock_runtime.settings import Secret

CONNECT_SECONDS = 5
ANSWER_SECONDS = 60.0
LOCK = 0x666F7265
"""Of those who make the tables: two at once would trip over each other."""


class PostgresSink:
    """A schema of a database. Every row is there once, also when another process wrote some of them."""

    name = "postgres"

    def __init__(self, dsn: Secret, schema: str, tables: Sequence[str]) -> None:
        """Raises ValueError for what is no connection string."""
        try:
            password = conninfo_to_dict(dsn.reveal()).get("password")
        except psycopg.ProgrammingError:
            raise ValueError("not a PostgreSQL connection string") from None  # its own words quote the string
        if password:
            register_secret(str(password))
        self._dsn = dsn
        self._schema = schema
        self._tables = tuple(tables)
        self._connection: AsyncConnection[Any] | None = None

    async def begin(self) -> Position:
        """Connect, make what is missing, and return the position. Raises SinkError, TimeoutError."""
        await self.close()
        async with _told():
            self._connection = await AsyncConnection.connect(
                self._dsn.reveal(),
                autocommit=True,  # what begins a transaction is `transaction()` alone
                connect_timeout=CONNECT_SECONDS,
                application_name="foreshock-archive",
            )
            async with self._connection.transaction():
                await self._make()
                return await self._position()

    async def recent(self, table: str, most: int) -> Sequence[str]:  # noqa: ARG002 - the sink's signature
        """Return nothing: the tables know their rows."""
        return ()

    async def write(self, tables: Mapping[str, pa.Table], before: Position, after: Position) -> int:
        """Write a step in one transaction. Raises SinkError when another process has gone on, TimeoutError."""
        connection = self._opened()
        async with _told(), connection.transaction():
            if (await self._position(lock=True)).roll != before.roll:
                raise SinkError(f"another process writes to the schema {self._schema}")
            for name, rows in tables.items():
                await self._copy(name, rows)
            document = positions.encode(after).decode()
            await self._run("UPDATE {position} SET document = %s", (document,))
        return len(tables)

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _opened(self) -> AsyncConnection[Any]:
        if self._connection is None:
            raise SinkError("not connected")
        return self._connection

    async def _make(self) -> None:
        await self._run("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        await self._run("CREATE SCHEMA IF NOT EXISTS {schema}")
        await self._run(
            "CREATE TABLE IF NOT EXISTS {position} (one boolean PRIMARY KEY DEFAULT true CHECK (one), document jsonb)"
        )
        await self._run(
            "INSERT INTO {position} (document) VALUES (%s) ON CONFLICT DO NOTHING",
            (positions.encode(Position()).decode(),),
        )
        visible = "SELECT count(*) FROM pg_proc WHERE proname = 'create_hypertable' AND pg_function_is_visible(oid)"
        timescale = bool((await self._run(visible))[0][0])
        for name in self._tables:
            await self._make_table(name, timescale=timescale)

    async def _make_table(self, name: str, *, timescale: bool) -> None:
        time = sql.Identifier(TIME_OF[name])
        await self._run("CREATE TABLE IF NOT EXISTS {table} ()", table=name)
        for field in SCHEMAS[name]:
            column = sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(_type(field.type)))
            await self._run("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}", table=name, column=column)
        if timescale:
            await self._run(
                "SELECT create_hypertable({relation}, {time}, if_not_exists => true, migrate_data => true)",
                relation=sql.Literal(self._of(name).as_string(None)),
                time=sql.Literal(TIME_OF[name]),
            )
        index = sql.Identifier(f"{name}_time")
        await self._run("CREATE INDEX IF NOT EXISTS {index} ON {table} ({time})", table=name, index=index, time=time)
        if name in IDENTITY:
            index, key = sql.Identifier(f"{name}_identity"), sql.Identifier(IDENTITY[name])
            query: LiteralString = "CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {table} ({key}, {time})"
            await self._run(query, table=name, index=index, key=key, time=time)

    async def _copy(self, name: str, rows: pa.Table) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
        target: sql.Composable = self._of(name)
        if name in IDENTITY:
            target = sql.Identifier(f"new_{name}")
            query: LiteralString = "CREATE TEMPORARY TABLE {target} (LIKE {table}) ON COMMIT DROP"
            await self._run(query, table=name, target=target)
        copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(target, columns)
        data = await asyncio.to_thread(csv_of, rows)
        async with self._opened().cursor() as cursor:
            async with cursor.copy(copy) as stream:
                await stream.write(data)
            if cursor.rowcount != rows.num_rows:
                raise SinkError(f"PostgreSQL took {cursor.rowcount} rows of {name}, {rows.num_rows} were sent")
        if name in IDENTITY:
            query = "INSERT INTO {table} ({columns}) SELECT {columns} FROM {target} ON CONFLICT DO NOTHING"
            await self._run(query, table=name, columns=columns, target=target)

    async def _position(self, *, lock: bool = False) -> Position:
        query: LiteralString = "SELECT document::text FROM {position}"
        found = await self._run(query + (" FOR UPDATE" if lock else ""))
        try:
            return positions.decode(found[0][0].encode())
        except ValueError as error:
            raise SinkError(f"the position in the schema {self._schema} cannot be read: {error}") from error

    def _of(self, table: str) -> sql.Identifier:
        return sql.Identifier(self._schema, table)

    async def _run(
        self, query: LiteralString, values: Sequence[Any] = (), *, table: str = "", **parts: sql.Composable
    ) -> list[Any]:
        """Run a statement with names filled in; return its rows."""
        composed = sql.SQL(query).format(
            schema=sql.Identifier(self._schema), position=self._of("position"), table=self._of(table), **parts
        )
        async with self._opened().cursor() as cursor:
            await cursor.execute(composed, values)
            return await cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """Give the database's errors our name, and no call all the time in the world."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            yield
    except psycopg.Error as error:
        raise SinkError(scrub(f"PostgreSQL: {error}".strip())) from error


def _type(kind: pa.DataType) -> LiteralString:
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_floating(kind):
        return "double precision"
    return "bigint" if pa.types.is_integer(kind) else "text"


def csv_of(rows: pa.Table) -> bytes:
    """Return rows as PostgreSQL reads them: text in quotes, nothing for none, and no NUL, which its text cannot hold.

    In one piece first: of a table whose first piece is empty, Arrow's writer (seen in 26.0) makes zeros.
    """
    data = _written(rows.combine_chunks())
    return _written(_without_nul(rows).combine_chunks()) if b"\x00" in data else data


def _written(rows: pa.Table) -> bytes:
    made = pa.BufferOutputStream()
    pacsv.write_csv(rows, made, pacsv.WriteOptions(include_header=False))
    data: bytes = made.getvalue().to_pybytes()
    return data


def _without_nul(rows: pa.Table) -> pa.Table:
    for at, field in enumerate(rows.schema):
        if pa.types.is_string(field.type):
            rows = rows.set_column(at, field, pc.replace_substring(rows[field.name], "\x00", ""))
    return rows
