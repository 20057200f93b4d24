"""Bitget UTA v3 market-data connector."""
