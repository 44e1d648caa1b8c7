"""Measurements of speed and memory that anyone can repeat."""
