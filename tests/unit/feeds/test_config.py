"""What may be configured."""

from __future__ import annotations

import msgspec
import pytest

from foreshock_feeds.config import FeedsConfig, problems
from foreshock_feeds.parts import find_parts
from foreshock_feeds.settings import EndpointSettings, FeedsSettings
from foreshock_runtime.settings import ServiceSettings, SettingsError, load_settings


@pytest.mark.parametrize("symbols", [(), ("BTCUSDT",), ("BTCUSDT", "4USDT")])
def test_good_symbols(symbols: tuple[str, ...]) -> None:
    assert problems(FeedsConfig(symbols)) == {}


@pytest.mark.parametrize("symbols", [("",), ("btcusdt",), (" BTCUSDT",), ("BTCUSDT", "BTCUSDT")])
def test_bad_symbols_are_named(symbols: tuple[str, ...]) -> None:
    assert set(problems(FeedsConfig(symbols))) == {"symbols"}


def test_a_configuration_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    stored = b'{"symbols": ["BTCUSDT"], "mood": "calm"}'
    assert msgspec.json.decode(stored, type=FeedsConfig) == FeedsConfig(("BTCUSDT",))


def test_settings_come_from_the_environment() -> None:
    env = {
        "FORESHOCK_VENUES": "binance, okx",
        "FORESHOCK_ENDPOINTS": '{"okx": {"websocket": "ws://x", "rest": "http://x"}}',
        "FORESHOCK_GATHER_MS": "2",
    }
    settings = load_settings(FeedsSettings, env=env)
    assert settings.venues == ("binance", "okx")
    assert settings.endpoints == {"okx": EndpointSettings("ws://x", "http://x")}
    assert settings.gather_ms == 2.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gather_ms", "-1"),
        ("clock", "sundial"),
        ("buffer_rows", "5"),
        ("rest_retry_seconds", "0"),
        ("endpoints", '{"okx": {"websocket": "ws://x"}}'),
    ],
)
def test_bad_settings_are_named(field: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{field}: "):
        load_settings(FeedsSettings, env={f"FORESHOCK_{field.upper()}": value})


def test_what_is_not_installed_is_named_with_what_is() -> None:
    with pytest.raises(SettingsError, match=r"^venues: 'mtgox' is not installed; there are binance, bybit, okx"):
        find_parts(FeedsSettings(venues=("mtgox",)))
    with pytest.raises(SettingsError, match=r"^endpoints: 'mtgox'"):
        find_parts(FeedsSettings(endpoints={"mtgox": EndpointSettings("ws://x", "http://x")}))


def test_a_venue_named_twice_is_read_once() -> None:
    parts = find_parts(FeedsSettings(venues=("okx", "okx")))
    assert [connector.venue for connector in parts.connectors] == ["okx"]


def test_a_reader_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "foreshock_feeds.fast_reader", None)
    with pytest.raises(SettingsError, match=r"^reader: 'picows' is not installed"):
        find_parts(FeedsSettings(reader="picows"))


def test_settings_of_another_service_are_refused() -> None:
    with pytest.raises(SettingsError, match="expected FeedsSettings"):
        find_parts(ServiceSettings())
