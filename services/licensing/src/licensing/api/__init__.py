"""HTTP in: licences, fees and test clocks."""

from licensing.api.routes import Api

__all__ = ["Api"]
