"""Statistics as pure functions of numbers: intervals and paired tests."""
