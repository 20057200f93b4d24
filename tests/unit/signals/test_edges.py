"""Settings, the command's refusal of bad ones, and control over a service that runs nothing yet."""

from __future__ import annotations

import pytest

from foreshock_runtime.lifecycle import main
from foreshock_runtime.settings import SettingsError, load_settings
from foreshock_signals.app import serve
from foreshock_signals.settings import SignalsSettings


def test_btc_is_tracked_unless_told_otherwise() -> None:
    assert load_settings(SignalsSettings, env={}).tracked_symbols == ("BTCUSDT",)
    told = load_settings(SignalsSettings, env={"TRACKED_SYMBOLS": "ETHUSDT,SOLUSDT"})
    assert told.tracked_symbols == ("ETHUSDT", "SOLUSDT")


def test_a_bad_setting_is_named() -> None:
    with pytest.raises(SettingsError, match="retention_entries"):
        load_settings(SignalsSettings, env={"FORESHOCK_RETENTION_ENTRIES": "5"})


def test_the_command_ends_with_2_on_bad_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORESHOCK_PARTITIONS", "many")
    assert main(serve, SignalsSettings) == 2
    assert "partitions" in capsys.readouterr().err
