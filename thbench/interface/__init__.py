"""The Python interface: what `thbench` hands on, and the plan that it shares with the command line."""
