"""What happens, in what order. Deterministic: no input or output, no clock, no system's SDK."""
