"""MongoDB behind the narrow seam of `common.database`: the only package that names the driver."""

from common.mongo.client import MongoDatabase, open_client

__all__ = ["MongoDatabase", "open_client"]
