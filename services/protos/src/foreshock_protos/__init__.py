"""Stubs generated from `protos/`; see `build.py`."""
