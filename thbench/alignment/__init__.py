"""Where delivered videos lie on their references: shown before scoring, and cut for use elsewhere."""
