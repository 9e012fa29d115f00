"""When what runs: lanes, passes over a source or a target, and doing it all now."""
