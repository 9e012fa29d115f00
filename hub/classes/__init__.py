"""Classes at trackers: which session is held where, who sits on which bike, and what came of it."""
