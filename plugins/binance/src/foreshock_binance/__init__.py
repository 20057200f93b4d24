"""Binance USD-M market-data connector."""
