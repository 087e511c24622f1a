"""HTTP in: typed routes on aiohttp, problems instead of stack traces, safe repeats."""

from common.http.problems import problem
from common.http.route import Answer, Body, Call, NoQuery, Page, PageQuery, Query, Route, SecretBody
from common.http.serve import Guard, add_routes, application

__all__ = [
    "Answer",
    "Body",
    "Call",
    "Guard",
    "NoQuery",
    "Page",
    "PageQuery",
    "Query",
    "Route",
    "SecretBody",
    "add_routes",
    "application",
    "problem",
]
