"""`python -m foreshock_feeds`: run the feeds service with settings from the environment."""

from __future__ import annotations

import sys

from foreshock_feeds.app import serve
from foreshock_feeds.settings import FeedsSettings
from foreshock_runtime.lifecycle import main

if __name__ == "__main__":
    sys.exit(main(serve, FeedsSettings))
