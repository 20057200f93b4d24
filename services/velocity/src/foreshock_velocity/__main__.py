"""`python -m foreshock_velocity`: run the velocity service with settings from the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from foreshock_runtime.lifecycle import Exit, run_service
from foreshock_runtime.settings import SettingsError, load_settings
from foreshock_velocity.app import serve
from foreshock_velocity.domain.state import SERVICE
from foreshock_velocity.settings import VelocitySettings


def main() -> int:
    """Return the exit code."""
    toml = os.environ.get("FORESHOCK_CONFIG")
    env = {name: value for name, value in os.environ.items() if name != "FORESHOCK_CONFIG"}
    try:
        settings = load_settings(VelocitySettings, env=env, toml_path=Path(toml) if toml else None)
    except SettingsError as error:
        print(f"foreshock-velocity: {error}", file=sys.stderr)
        return Exit.SETTINGS
    return run_service(serve, settings, SERVICE)


if __name__ == "__main__":
    sys.exit(main())
