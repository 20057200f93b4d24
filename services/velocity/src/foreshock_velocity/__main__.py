"""`python -m foreshock_velocity`: run the velocity service with settings from the environment."""

from __future__ import annotations

import sys

from foreshock_runtime.lifecycle import main
from foreshock_velocity.app import serve
from foreshock_velocity.settings import VelocitySettings

if __name__ == "__main__":
    sys.exit(main(serve, VelocitySettings))
