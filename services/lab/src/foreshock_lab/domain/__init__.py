"""Scenarios, the simulator's ledger and its comparison with what came out: values in, values out."""
