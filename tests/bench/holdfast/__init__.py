"""Holdfast itself under the clock, as shipped: its compiler, worker, step contract and saga."""
