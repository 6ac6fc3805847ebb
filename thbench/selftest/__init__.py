"""Does a metric react to what it says it reacts to? Controlled corruptions, one curve per score.

plan.py      benchmarks/corruptions/selftest.yaml -> Plan
observe.py   one clip under one corruption, seen by every metric
judge.py     a curve and a declaration -> a verdict; pure functions
measure.py   observations -> curves -> findings: every score reduced once per amount
trial.py     everything joined: metrics chosen, clips observed in parallel
outcome.py   what was found as JSON, Markdown and a table on the screen
picture.py   and as small charts
"""
