"""Gate futures market-data connector."""
