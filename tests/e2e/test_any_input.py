"""Schemathesis: generated requests, valid and not, for every operation of the merged OpenAPI document. No answer
is a server error, and every answer is one that the document describes."""

import asyncio
import time
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import NonInteractiveExampleWarning, Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from customers import Customer
from described import Operation
from devstack.suite import Suite

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
BUDGET_SECONDS = 30.0
LEAST, EXAMPLES = 4, 25
"""Requests of each operation, whatever they cost; and of each kind, if there is time."""
SIGN_OUT = "DELETE /api/v1/sessions/current"
SLOWED_DOWN = {
    "POST /api/v1/me/deletion",
    "POST /api/v1/me/email-change",
    "PUT /api/v1/me/password",
    "POST /api/v1/sessions/current/second-factor",
}
"""Made-up passwords are, and mails to one address; and shall be."""


class Enough(Exception):
    """This operation's time is over."""


@dataclass
class Trial:
    """One operation, tried with generated requests until its share of the budget is used up."""

    operation: Any
    base_url: str
    token: str
    session: requests.Session
    until: float
    answers: Counter[int] = field(default_factory=Counter)

    def run(self, mode: GenerationMode) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=self.operation.as_strategy(generation_mode=mode))
        def trial(case: Any) -> None:
            if self.answers.total() >= LEAST and time.monotonic() > self.until:
                raise Enough
            headers = {"Authorization": f"Bearer {self.token}"}
            answer = case.call(base_url=self.base_url, session=self.session, headers=headers, timeout=20)
            self.answers[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        with suppress(Enough, Unsatisfiable):  # unsatisfiable: nothing can be wrong with this one's input
            trial()


async def test_no_generated_request_is_answered_with_a_server_error(
    suite: Suite, customer: Customer, staff: Customer, operations: list[Operation]
) -> None:
    document = (await customer.ask("GET", "/api/v1/openapi.json")).body
    async with await Customer.new(suite) as somebody:
        tokens = {
            str(one): (staff if one.for_staff else somebody).access_token
            for one in operations
            if str(one) != SIGN_OUT
        }
        tried = await asyncio.to_thread(_try_all, document, suite.gateway_url, tokens)
        me = await somebody.ask("GET", "/api/v1/me")
    assert me.status == 200
    assert set(tried) == set(tokens)
    assert [name for name, answers in tried.items() if not answers] == []
    together = sum(tried.values(), Counter())
    limited = [name for name, answers in tried.items() if answers[429] and name not in SLOWED_DOWN]
    assert limited == [], "the limits were tested instead of the operations"
    assert together[401] < together.total() / 4
    assert together.total() > 300
    print(dict(together))


def _try_all(document: dict[str, Any], base_url: str, tokens: dict[str, str]) -> dict[str, Counter[int]]:
    """Operation -> requests made. Raises what schemathesis found, all operations together."""
    tried: dict[str, Counter[int]] = {}
    failures: list[Exception] = []
    read: Any = schemathesis.openapi.from_dict(document).get_all_operations()
    found = {f"{one.ok().method.upper()} {one.ok().path}": one.ok() for one in read}
    wanted = {name: operation for name, operation in found.items() if name in tokens}
    with requests.Session() as session, warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        for name, operation in wanted.items():
            until = time.monotonic() + BUDGET_SECONDS / len(wanted)
            trial = Trial(operation, base_url, tokens[name], session, until)
            try:
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    trial.run(mode)
            except Exception as failure:
                failures.append(failure)
            tried[name] = trial.answers
    if failures:
        raise ExceptionGroup("schemathesis found", failures)
    return tried
