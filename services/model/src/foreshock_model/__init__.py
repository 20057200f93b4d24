"""What crosses Redis: stream names, entries, array types and their codec."""
