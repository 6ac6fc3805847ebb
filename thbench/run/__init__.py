"""One run: its folder, the job that workers get, its plan, shards and events."""
