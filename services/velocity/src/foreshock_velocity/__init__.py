"""Liquidation velocity over sliding windows."""
