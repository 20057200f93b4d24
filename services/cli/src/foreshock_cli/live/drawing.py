"""The live view, drawn from values. Pure."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from foreshock_cli.live.reading import SIDES, WINDOWS, HouseView, SymbolView
from foreshock_cli.signal_lines import LEVEL_STYLES, line
from foreshock_cli.status_view import state
from foreshock_cli.terminal import table
from foreshock_cli.wording import counted, span, usd
from foreshock_lab.summary import Progress

BAR = 14
DONE = 20
"""Columns of the bars of risk and of time."""
EIGHTHS = " ▏▎▍▌▋▊▉"
FIXED_LINES = 22
"""Lines of everything but the markets."""
FEWEST_MARKETS, MOST_MARKETS = 3, 15


def page(title: str, progress: Progress, house: HouseView | None, height: int) -> Group:
    """Return the whole view for a terminal of this height."""
    parts: list[RenderableType] = [_head(title, progress), _facts(progress, house), Text()]
    if house is None:
        parts.append(Text(f"{progress.phase.value} ...", "dim"))
        return Group(*parts)
    markets = max(FEWEST_MARKETS, min(MOST_MARKETS, height - FIXED_LINES))
    parts += [_markets(house.symbols, markets), Text(), _routes(house.routes), Text(), _signals(house, progress)]
    if progress.info is not None:
        parts += [Text(), _commands(progress.info.redis_port)]
    return Group(*parts)


def bar(share: float, width: int = BAR) -> str:
    """Return a bar that fills this share (0 to 1) of its width, in eighths of a column."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + EIGHTHS[rest] * bool(rest)).ljust(width)


def _head(title: str, progress: Progress) -> Table:
    made = Table.grid(expand=True)
    made.add_column(ratio=1)
    made.add_column(justify="right")
    share = progress.elapsed_s / progress.duration_s if progress.duration_s else 0.0
    left = f"{span(progress.elapsed_s)} of {span(progress.duration_s)} " if progress.duration_s else ""
    clock = f"{left}{_done(share)}" if left else span(progress.elapsed_s)
    made.add_row(f"[bold]FORESHOCK[/]  {escape(title)}", f"[dim]{progress.phase.value}[/]  {clock}")
    return made


def _done(share: float) -> str:
    full = round(min(max(share, 0.0), 1.0) * DONE)
    return f"[cyan]{'━' * full}[/][dim]{'─' * (DONE - full)}[/]"


def _facts(progress: Progress, house: HouseView | None) -> Text:
    regime = (house.regime if house else None) or "not known"
    mark = f"${house.mark:,.0f}" if house and house.mark else "-"
    seen = "-" if house is None or house.coverage is None else f"{house.coverage:.0%}"
    pairs = [("regime", regime), ("BTC", mark), ("market seen", seen)]
    if progress.duration_s:
        pairs += [
            ("sent", f"{progress.sent:,}"),
            ("processed", f"{progress.processed:,}"),
            ("throttled", f"{progress.throttled:,}"),
        ]
    else:
        pairs.append(("liquidations", f"{progress.processed:,}"))
    return Text("   ").join(Text.assemble((f"{name} ", "dim"), value) for name, value in pairs)


def _markets(symbols: list[SymbolView], most: int) -> RenderableType:
    if not symbols:
        return Text("no market is assessed: nothing known is not the same as calm", "yellow")
    made = table("MARKET", *(f"{side} at risk" for side in SIDES), *(f">{name}" for name in WINDOWS), "LEVEL")
    for view in symbols[:most]:
        made.add_row(
            f"[bold]{escape(view.symbol)}[/]",
            *(_risk(view, side) for side in SIDES),
            *(f"{usd(view.usd[name]):>8}" for name in WINDOWS),
            Text(view.level, LEVEL_STYLES.get(view.level, "")),
        )
    hidden = len(symbols) - most
    return Group(made, Text(f"and {hidden} more", "dim")) if hidden > 0 else made


def _risk(view: SymbolView, side: str) -> Text:
    if side not in view.probability:
        return Text("-", "dim")
    share = view.probability[side]
    return Text.assemble((bar(share), _heat(share)), f" {share:>4.0%}")


def _heat(share: float) -> str:
    for least, style in ((0.8, "bold red"), (0.5, "yellow"), (0.2, "cyan")):
        if share >= least:
            return style
    return "dim"


def _routes(routes: dict[str, str]) -> Text:
    if not routes:
        return Text("no feed has spoken yet", "dim")
    shown = Text("   ").join(Text.assemble(f"{name} ", state(told)) for name, told in routes.items())
    return Text.assemble(("FEEDS   ", "bold dim"), shown)


def _signals(house: HouseView, progress: Progress) -> RenderableType:
    lines = [line(message) for message in reversed(house.recent)]
    for each in lines:
        each.no_wrap, each.overflow = True, "ellipsis"
    so_far = f"   {counted(progress.signals)}" if any(progress.signals.values()) else "" if lines else "   none yet"
    return Group(Text.assemble(("SIGNALS", "bold dim"), so_far), *lines)


def _commands(port: int | None) -> RenderableType:
    if port is None:
        return Text()
    client = "redis-cli" if port == 6379 else f"redis-cli -p {port}"  # noqa: PLR2004 - redis-cli's own default
    words = (
        "SUBSCRIBE cascade:critical",
        "XREAD COUNT 1 STREAMS cascade:signals 0",
        "GET cascade:probability:BTCUSDT",
        "GET velocity:BTCUSDT:current",
        "GET regime:current",
    )
    return Group(Text("TRY", "bold dim"), *(Text(f"{client} {each}") for each in words))
