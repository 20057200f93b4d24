"""Market data from venues into streams."""

__version__ = "0.1.0"
