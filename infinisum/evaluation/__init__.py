"""Measuring summaries and readings."""
