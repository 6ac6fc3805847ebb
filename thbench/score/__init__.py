"""Scoring: clips observed, rows reduced, result documents written."""
