"""The leaderboard in a repository: rows added, checked, and made into pages, all from files.

    leaderboard/results/SUITE/SYSTEM/REVISION.json            a result document with its submission
    leaderboard/results/SUITE/SYSTEM/REVISION.clips.csv       its clips table
    leaderboard/results/SUITE/SYSTEM/REVISION.features.zip    what set metrics saw, if it is handed in
    leaderboard/results/SUITE/SYSTEM/REVISION.verified        how far it was verified
    leaderboard/results/SUITE/CONTROL@PIXELS/...              pinned control rows
    leaderboard/published/DATASET.yaml                        what papers printed
    leaderboard/README.md, data.json                          made of these by `thbench leaderboard build`

docs/leaderboard.md is the guide for submitters.
"""
