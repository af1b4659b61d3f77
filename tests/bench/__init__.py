"""How fast a recovery is, measured against what a user would pick instead."""
