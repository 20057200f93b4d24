"""Lighter's public market data for Foreshock."""
