"""Cascade risk, levels and signals."""
