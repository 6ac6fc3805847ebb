"""Blind studies of what people see: made from a finished run, collected, and set beside its metrics."""
