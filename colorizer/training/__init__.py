"""A training: its loop, one step of each task, its losses, what a run tells of itself."""
