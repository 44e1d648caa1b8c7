"""Builds the project's own novella from its Markdown into the forms a reader meets."""
