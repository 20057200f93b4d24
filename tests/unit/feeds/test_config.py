"""What may be configured."""

from __future__ import annotations

import msgspec
import pytest

from foreshock_feeds.config import FeedsConfig, problems
from foreshock_feeds.domain.silence import SilenceRule
from foreshock_feeds.parts import find_parts
from foreshock_feeds.settings import EndpointSettings, FeedsSettings
from foreshock_runtime.settings import ServiceSettings, SettingsError, load_settings
from foreshock_sdk import BaseConnector


@pytest.mark.parametrize("symbols", [(), ("BTCUSDT",), ("BTCUSDT", "4USDT")])
def test_good_symbols(symbols: tuple[str, ...]) -> None:
    assert problems(FeedsConfig(symbols)) == {}


@pytest.mark.parametrize("symbols", [("",), ("btcusdt",), (" BTCUSDT",), ("BTCUSDT", "BTCUSDT")])
def test_bad_symbols_are_named(symbols: tuple[str, ...]) -> None:
    assert set(problems(FeedsConfig(symbols))) == {"symbols"}


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("silence_window_seconds", (10, 600), (9, 601)),
        ("silence_events", (0, 10_000), (-1, 10_001)),
        ("silence_venues", (1, 100), (0, 101)),
        ("silence_chance", (1e-12, 0.1), (0.0, 0.2, float("nan"))),
    ],
)
def test_bounds_of_the_judgement_of_silence(field: str, good: tuple[float, ...], bad: tuple[float, ...]) -> None:
    for value in good:
        assert problems(msgspec.structs.replace(FeedsConfig(), **{field: value})) == {}
    for value in bad:
        assert set(problems(msgspec.structs.replace(FeedsConfig(), **{field: value}))) == {field}


def test_the_judgement_of_silence_follows_the_configuration() -> None:
    assert FeedsConfig().silence == SilenceRule()
    changed = FeedsConfig(silence_window_seconds=30, silence_events=5, silence_venues=3, silence_chance=0.01)
    assert changed.silence == SilenceRule(window=30, events=5, venues=3, chance=0.01)


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
        ("spill_bytes", "1000"),
        ("rest_retry_seconds", "0"),
        ("endpoints", '{"okx": {"websocket": "ws://x"}}'),
    ],
)
def test_bad_settings_are_named(field: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{field}: "):
        load_settings(FeedsSettings, env={f"FORESHOCK_{field.upper()}": value})


def test_what_is_not_installed_is_named_with_what_is() -> None:
    with pytest.raises(SettingsError, match=r"^venues: 'mtgox' is not installed; there are binance, bitget, bybit, "):
        find_parts(FeedsSettings(venues=("mtgox",)))
    with pytest.raises(SettingsError, match=r"^endpoints: 'mtgox'"):
        find_parts(FeedsSettings(endpoints={"mtgox": EndpointSettings("ws://x", "http://x")}))


def test_options_reach_the_connector_and_one_that_is_wrong_is_named() -> None:
    settings = load_settings(FeedsSettings, env={"FORESHOCK_OPTIONS": '{"bybit": {"book_levels": 200}}'})
    (connector,) = find_parts(msgspec.structs.replace(settings, venues=("bybit",))).connectors
    assert getattr(connector, "options").book_levels == 200  # noqa: B009 - an option of this venue alone
    with pytest.raises(SettingsError, match=r"^options\.bybit\.colour: 7"):
        find_parts(FeedsSettings(venues=("bybit",), options={"bybit": {"colour": 7}}))
    with pytest.raises(SettingsError, match=r"^options\.bybit\.book_levels: 'x'"):
        find_parts(FeedsSettings(venues=("bybit",), options={"bybit": {"book_levels": "x"}}))
    with pytest.raises(SettingsError, match=r"^options: 'mtgox' is not installed"):
        find_parts(FeedsSettings(options={"mtgox": {}}))


def test_a_plugin_that_fails_over_its_options_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: object, options: object) -> None:
        raise LookupError("which?")

    monkeypatch.setattr(BaseConnector, "configured", failing)
    with pytest.raises(SettingsError, match=r"^options\.okx: LookupError: which\?"):
        find_parts(FeedsSettings(venues=("okx",), options={"okx": {"any": 1}}))


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
