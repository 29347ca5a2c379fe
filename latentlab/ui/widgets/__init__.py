"""Reusable pieces of the panels. They know numpy arrays and configs, not sessions, runs or torch."""
