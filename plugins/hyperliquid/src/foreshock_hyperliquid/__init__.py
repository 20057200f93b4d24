"""Hyperliquid market-data connector."""
