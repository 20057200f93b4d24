"""`python -m foreshock_feeds`: run the feeds service with settings from the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from foreshock_feeds.app import serve
from foreshock_feeds.settings import FeedsSettings
from foreshock_runtime.lifecycle import Exit, run_service
from foreshock_runtime.settings import SettingsError, load_settings


def main() -> int:
    """Return the exit code."""
    toml = os.environ.get("FORESHOCK_CONFIG")
    env = {name: value for name, value in os.environ.items() if name != "FORESHOCK_CONFIG"}
    try:
        settings = load_settings(FeedsSettings, env=env, toml_path=Path(toml) if toml else None)
    except SettingsError as error:
        print(f"foreshock-feeds: {error}", file=sys.stderr)
        return Exit.SETTINGS
    return run_service(serve, settings, "feeds")


if __name__ == "__main__":
    sys.exit(main())
