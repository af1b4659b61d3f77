"""The clock of the recovery time objectives: what was used, what is left, when to warn."""
