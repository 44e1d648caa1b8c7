"""The command line: thin commands over the Python API. Only this package knows typer and rich."""
