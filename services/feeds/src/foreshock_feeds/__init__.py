"""Market data from venues into streams."""
