"""Kraken Futures market-data connector."""
