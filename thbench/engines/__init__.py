"""Where work runs. An engine calls one function on many tasks and yields results as they finish."""
