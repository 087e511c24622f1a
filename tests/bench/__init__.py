"""Measurements side by side. Run one with `python -m bench.<name>` in `tests/`, all with `make bench`."""
