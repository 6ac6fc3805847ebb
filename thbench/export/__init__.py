"""A finished run for other programs: tables as text and data, experiment trackers, model cards."""
