"""The lengths of windows are a setting."""

from __future__ import annotations

import pytest

from foreshock_model.metrics import WINDOWS_MS
from foreshock_runtime.settings import SettingsError, load_settings
from foreshock_velocity.settings import VelocitySettings, check_windows


def test_windows_are_those_of_the_model_unless_told() -> None:
    assert load_settings(VelocitySettings, env={}).windows_ms == WINDOWS_MS
    check_windows(WINDOWS_MS)


def test_other_windows_come_from_the_environment() -> None:
    env = {"FORESHOCK_WINDOWS_MS": "250,2000,10000,60000,300000,900000"}
    windows = load_settings(VelocitySettings, env=env).windows_ms
    assert windows == (250, 2_000, 10_000, 60_000, 300_000, 900_000)
    check_windows(windows)


@pytest.mark.parametrize("text", ["5", "100,abc", "3600001", "0.5"])
def test_a_length_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"windows_ms|WINDOWS_MS"):
        load_settings(VelocitySettings, env={"FORESHOCK_WINDOWS_MS": text})


@pytest.mark.parametrize(
    ("windows", "reason"),
    [
        ((2_000, 10_000, 300_000, 60_000), "ascending"),
        ((2_000, 2_000, 10_000, 60_000, 300_000), "each once"),
        ((100, 2_000, 10_000, 60_000), r"lack \[300000\]"),
        ((), "lack"),
    ],
)
def test_windows_out_of_order_and_too_few_are_refused(windows: tuple[int, ...], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        check_windows(windows)
