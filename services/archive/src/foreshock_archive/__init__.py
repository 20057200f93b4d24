"""The archive: what stood in the streams, kept for years."""
