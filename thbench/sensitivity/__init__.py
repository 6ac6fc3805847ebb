"""How far does each score move when nothing but delivery changes? docs/sensitivity.md.

plan.py      benchmarks/deliveries/sensitivity.yaml -> Plan
sources.py   whose videos: the references, or systems of a finished run
make.py      sources -> delivered files; resumes at clip granularity
trial.py     everything joined: references, deliveries, the same scoring as a run's, moves
measure.py   rows of source and delivery -> moves with intervals
words.py     sensitivity.md: tables and what stands out
picture.py   sensitivity.svg: moves as shares of the gap between systems, or of their own scale
page.py      sensitivity.html
"""
