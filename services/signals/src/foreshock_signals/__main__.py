"""`python -m foreshock_signals`: run the signals service with settings from the environment."""

from __future__ import annotations

import sys

from foreshock_runtime.lifecycle import main
from foreshock_signals.app import serve
from foreshock_signals.settings import SignalsSettings

if __name__ == "__main__":
    sys.exit(main(serve, SignalsSettings))
