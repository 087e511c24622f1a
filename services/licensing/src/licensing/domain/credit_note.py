"""Credit notes: (part of) an invoice is taken back, to the last cent and no further."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from common.errors import Conflict, Invalid
from licensing.domain.invoice import Invoice, Kind, Line, Reason, Tax, taxes_of


def credit_note(
    invoice: Invoice,
    earlier: Sequence[Invoice],
    amounts: Mapping[int, int] | None,
    note: str,
    *,
    number: str,
    now: datetime,
) -> Invoice:
    """Takes back lines of an invoice, in part (`amounts`: line -> net minor units) or all that is left.

    `earlier`: what was taken back of it before. Raises `Conflict` or `Invalid`; nothing is cut silently.
    """
    if invoice.kind is not Kind.INVOICE:
        raise Conflict("not_an_invoice", "Only an invoice can be credited")
    taken = [line for before in earlier for line in before.lines]
    wanted = _allowed(_left(invoice, taken), amounts)
    lines = tuple(
        replace(line, reason=Reason.CREDIT, amount=-wanted[line.number], seconds=0)
        for line in invoice.lines
        if line.number in wanted
    )
    return replace(
        invoice,
        id=f"{invoice.id}-{number}",
        kind=Kind.CREDIT_NOTE,
        number=number,
        issued_at=now,
        due_at=now,
        lines=lines,
        taxes=_taxes([*invoice.lines, *taken], lines),
        corrects=invoice.id,
        note=note,
    )


def _left(invoice: Invoice, taken: Sequence[Line]) -> dict[int, int]:
    """Line -> what of it can still be credited."""
    left = {line.number: line.amount for line in invoice.lines}
    for line in taken:
        left[line.number] += line.amount
    return left


def _allowed(left: Mapping[int, int], amounts: Mapping[int, int] | None) -> Mapping[int, int]:
    if amounts is None:
        amounts = {number: amount for number, amount in left.items() if amount > 0}
    if not amounts:
        raise Conflict("nothing_left_to_credit", "All of this invoice was credited before")
    for number, amount in amounts.items():
        if number not in left:
            raise Invalid("line_not_found", f"The invoice has no line {number}")
        if not 0 < amount <= left[number]:
            raise Conflict("more_than_was_charged", f"Of line {number}, {left[number]} can still be credited")
    return amounts


def _taxes(charged: Sequence[Line], credit: Sequence[Line]) -> tuple[Tax, ...]:
    """A piece's tax is the difference of the taxes on what is left before and after it: credited in pieces
    or at once, exactly what was charged comes back."""
    before = {tax.treatment: tax for tax in taxes_of(charged)}
    after = {tax.treatment: tax for tax in taxes_of([*charged, *credit])}
    return tuple(
        Tax(treatment, after[treatment].net - tax.net, after[treatment].amount - tax.amount)
        for treatment, tax in before.items()
        if after[treatment].net != tax.net
    )
