"""How good a plugin is: rules with reasons, what the machine finds, and what its grade file claims."""
