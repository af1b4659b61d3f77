"""What a user would pick instead: one small program each, and the servers that they need."""
