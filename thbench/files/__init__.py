"""Files and what they hold: atomic writes, cache, journal, YAML with lines, canonical JSON."""
