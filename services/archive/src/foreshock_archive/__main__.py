"""`python -m foreshock_archive`: run the archive service with settings from the environment."""

from __future__ import annotations

import sys

from foreshock_archive.app import serve
from foreshock_archive.settings import ArchiveSettings
from foreshock_runtime.lifecycle import main

if __name__ == "__main__":
    sys.exit(main(serve, ArchiveSettings))
