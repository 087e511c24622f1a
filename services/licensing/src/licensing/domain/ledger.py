"""Double-entry bookkeeping: every booking sums to zero and is never changed.

Signs: positive is debit, negative is credit. So receivables above zero are what a customer owes us, credits
below zero are what we owe the customer.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from common.ids import OrganisationId


class Book(StrEnum):
    """The accounts of the ledger."""

    RECEIVABLES = "receivables"
    REVENUE = "revenue"
    VAT = "vat"
    PAYMENTS = "payments"
    """Money that came in."""
    CREDITS = "credits"
    """What a customer has paid too much or got back, to be used for coming invoices."""


@dataclass(frozen=True, slots=True)
class Posting:
    book: Book
    amount: int


@dataclass(frozen=True, slots=True)
class Booking:
    """One business fact. Raises AssertionError when it does not sum to zero: then our code is wrong."""

    id: str
    """Derived from the document: a fact cannot be booked twice."""
    organisation: OrganisationId
    currency: str
    at: datetime
    document: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        assert sum(posting.amount for posting in self.postings) == 0, f"booking {self.id} is not balanced"


def postings(*amounts: tuple[Book, int]) -> tuple[Posting, ...]:
    """Without the empty ones."""
    return tuple(Posting(book, amount) for book, amount in amounts if amount)
