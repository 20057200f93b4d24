"""Whatever way rows come, twice or out of order, each counts once and where it happened."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.feeds.test_assemble import SYMBOLS

from foreshock_feeds.domain.assemble import Assembler
from foreshock_feeds.domain.ingest import Ingest
from foreshock_model import metrics as metric_codec
from foreshock_model.batch import encode
from foreshock_model.dedupe import Dedupe
from foreshock_model.entries import InputEntry
from foreshock_sdk.columns import Decoded, RawLiquidation
from foreshock_sdk.events import LiquidatedSide, PriceKind
from foreshock_sdk.instruments import Instruments, InstrumentSpec
from foreshock_velocity.domain.state import VelocityState

MS = 1_000_000
START = 1_700_000_000_000 * MS
LATEST_MS = 9_000
"""What is so much older than the newest is still placed by its own time."""
Row = tuple[int, int, int, int]
"""instrument, side, size, ms of the event since START"""
Frame = list[Row]

rows = st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(1, 3), st.integers(0, 4))
frames = st.lists(st.lists(rows, min_size=1, max_size=4), max_size=12)


def ingest() -> Ingest:
    specs = [InstrumentSpec(venue="okx", raw_symbol=base, base=base, quote="USDT") for base in SYMBOLS]
    return Ingest(Instruments("okx", specs), dedupe=Dedupe())


def decoded(batch: list[Frame]) -> Decoded:
    found = Decoded()
    for at, frame in enumerate(batch):
        for instrument, side, size, ms in frame:
            ts = START // MS + ms
            row = RawLiquidation(instrument, LiquidatedSide(side), 10.0, PriceKind.AVERAGE, float(size), ts)
            found.liquidations.append(at, row)
    return found


def kept(source: Ingest, batch: list[Frame]) -> Counter[Row]:
    events = source.batch(decoded(batch), [START + 10**12] * len(batch)).events()
    return Counter(
        (SYMBOLS.index(each.raw_symbol), int(each.liquidated_side), int(each.quantity), (each.ts_event - START) // MS)
        for each in events
    )


@given(frames, st.data())
def test_two_sockets_that_bring_the_same_count_it_once(sent: list[Frame], data: st.DataObject) -> None:
    """In any mixture and any pieces, with a replay from anywhere after a reconnect. Twins of one frame both count."""
    source, found = ingest(), Counter[Row]()
    replayed = sent[data.draw(st.integers(0, len(sent))) :] if sent else []
    waiting = [list(sent), [*sent, *replayed]]
    while any(waiting):
        socket = data.draw(st.sampled_from([number for number, left in enumerate(waiting) if left]))
        size = data.draw(st.integers(1, 4))
        batch, waiting[socket] = waiting[socket][:size], waiting[socket][size:]
        found += kept(source, batch)
    expected: Counter[Row] = Counter()
    for frame in sent:
        expected |= Counter(frame)
    assert found == expected


def last_answer(order: list[Row], pieces: list[int]) -> metric_codec.WindowMetrics:
    """Send rows in this order, each piece an entry, then one more row; return what velocity says to that one."""
    source, assembler, state = ingest(), Assembler(1), VelocityState()
    entries = [[order.pop(0) for _ in range(min(size, len(order)))] for size in pieces]
    entries = [*filter(None, [*entries, order]), [(0, 0, 9, LATEST_MS + 1)]]
    answer = b""
    for number, rows_ in enumerate(entries):
        clock = START + (LATEST_MS + 500 - len(entries) + number) * MS
        found = source.rows(decoded([[row] for row in rows_]), [clock] * len(rows_))
        assembler.add(source, found)
        for _, table in assembler.cut(clock):
            entry = InputEntry("batch", "feeds:0", 1, number + 1, clock, encode(table))
            answer = state.advance(f"{number}-0", entry).data
    assert state.counters.late == 0
    return metric_codec.decode(answer)


@given(
    st.lists(st.tuples(st.just(0), st.integers(0, 1), st.integers(1, 8), st.integers(0, LATEST_MS)), max_size=30),
    st.randoms(use_true_random=False),
    st.lists(st.integers(1, 6), max_size=8),
)
def test_rows_that_come_late_and_out_of_order_are_placed_by_their_own_time(
    sent: list[Row], chance: object, pieces: list[int]
) -> None:
    unique = sorted(set(sent), key=lambda row: row[3])
    mixed = list(unique)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    expected, found = last_answer([*unique], []), last_answer(mixed, pieces)
    assert found.symbols == expected.symbols == ("BTCUSDT",)
    assert found.count.tolist() == expected.count.tolist()
    assert found.usd.tolist() == expected.usd.tolist()
    assert found.total_usd.tolist() == expected.total_usd.tolist()
    assert found.count[0, :, 0, -1].sum() == len(unique) + 1
