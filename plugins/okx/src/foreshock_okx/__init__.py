"""OKX v5 market-data connector."""
