"""Simulated venues, scenarios, replay and scoring."""
