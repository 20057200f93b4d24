"""Deribit market-data connector."""
