"""The `foreshock` command: run the house, watch it, steer it, and read what venues send."""

__version__ = "0.1.0"
