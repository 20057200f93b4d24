"""Scoring and deciding: a pure function of the stream, without IO and without a clock."""
