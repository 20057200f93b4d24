"""`python -m foreshock_signals`: run the signals service with settings from the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from foreshock_runtime.lifecycle import Exit, run_service
from foreshock_runtime.settings import SettingsError, load_settings
from foreshock_signals.app import serve
from foreshock_signals.domain.state import SERVICE
from foreshock_signals.settings import SignalsSettings


def main() -> int:
    """Return the exit code."""
    toml = os.environ.get("FORESHOCK_CONFIG")
    env = {name: value for name, value in os.environ.items() if name != "FORESHOCK_CONFIG"}
    try:
        settings = load_settings(SignalsSettings, env=env, toml_path=Path(toml) if toml else None)
    except SettingsError as error:
        print(f"foreshock-signals: {error}", file=sys.stderr)
        return Exit.SETTINGS
    return run_service(serve, settings, SERVICE)


if __name__ == "__main__":
    sys.exit(main())
