"""Bybit v5 market-data connector."""
