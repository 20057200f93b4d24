"""dYdX v4 market-data connector."""
