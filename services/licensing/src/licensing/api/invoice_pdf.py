"""An invoice as an accessible PDF (PDF/UA-1), in the customer's language.

The template gets finished texts as data, so a customer's name can hold whatever it wants: nothing of it is
ever read as markup.
"""

import asyncio
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

import orjson
import typst
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from licensing.api.invoice_words import WORDS, Words
from licensing.domain.invoice import Invoice, Kind, Line, Tax
from licensing.domain.money import major_units

_TEMPLATE = files("licensing.assets").joinpath("invoice.typ").read_bytes()
_COMPILERS = asyncio.Semaphore(2)
"""A long invoice takes a second of a core."""


async def invoice_pdf(invoice: Invoice) -> bytes:
    async with _COMPILERS:
        return await asyncio.to_thread(_compile, invoice)


def _compile(invoice: Invoice) -> bytes:
    inputs = {"data": orjson.dumps(_texts(invoice)).decode()}
    made = typst.compile(
        _TEMPLATE,
        format="pdf",
        sys_inputs=inputs,
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
        timestamp=int(invoice.issued_at.timestamp()),
    )
    assert isinstance(made, bytes), "one document, in memory"
    return made


def _texts(invoice: Invoice) -> dict[str, Any]:
    language = invoice.customer.language if invoice.customer.language in WORDS else "en"
    words = WORDS[language]
    what = words.invoice if invoice.kind is Kind.INVOICE else words.credit_note
    return {
        "language": language,
        "title": f"{what} {invoice.number}",
        "seller": {
            "name": invoice.seller.name,
            "address": invoice.seller.address,
            "tax_id": invoice.seller.tax_id,
        },
        "customer": _customer(invoice, words),
        "facts": _facts(invoice, words, language),
        "words": {
            name: getattr(words, name)
            for name in ("seller", "customer", "tax_id", "lines", "taxes", "tax", "net", "vat", "total")
        },
        "columns": ["#", words.device, words.month, words.charged, words.tax, words.amount],
        "lines": [_line(line, invoice, words, language) for line in invoice.lines],
        "taxes": [_tax(tax, invoice, words, language) for tax in invoice.taxes],
        "total": _money(invoice.total, invoice, language),
        "notes": _notes(invoice, words),
    }


def _customer(invoice: Invoice, words: Words) -> list[str]:
    customer = invoice.customer
    town = f"{customer.postal_code} {customer.city}".strip()
    tax_id = f"{words.tax_id}: {customer.tax_id}" if customer.tax_id else ""
    return [text for text in (customer.legal_name, customer.street, town, customer.country, tax_id) if text]


def _facts(invoice: Invoice, words: Words, language: str) -> list[list[str]]:
    facts = [[words.issued, format_date(invoice.issued_on, "long", locale=language)]]
    if invoice.kind is Kind.INVOICE:
        facts.append([words.due, format_date(invoice.due_on, "long", locale=language)])
        facts.append([words.month, _month(invoice.month, language)])
    else:
        facts.append([words.corrects, invoice.corrects or ""])
        facts.append([words.reason, invoice.note])
    return facts


def _line(line: Line, invoice: Invoice, words: Words, language: str) -> list[str]:
    kind = getattr(words, line.reason.value)
    return [
        str(line.number),
        " · ".join(text for text in (line.device, line.add_on_name, kind) if text),
        _month(line.month, language),
        _duration(line.seconds, language),
        _rate(line.treatment.rate, language),
        _money(line.amount, invoice, language),
    ]


def _tax(tax: Tax, invoice: Invoice, words: Words, language: str) -> list[str]:
    treatment = tax.treatment
    rate = _rate(treatment.rate, language)
    text = words.categories[treatment.category].format(rate=rate, country=treatment.country)
    return [text, _money(tax.net, invoice, language), _money(tax.amount, invoice, language)]


def _notes(invoice: Invoice, words: Words) -> list[str]:
    if invoice.kind is not Kind.INVOICE or invoice.total <= 0:
        return []
    return [words.pay.format(iban=invoice.seller.iban, bic=invoice.seller.bic, number=invoice.number)]


def _money(amount: int, invoice: Invoice, language: str) -> str:
    return str(format_currency(major_units(amount, invoice.currency), invoice.currency, locale=language))


def _month(name: str, language: str) -> str:
    return str(format_date(date(int(name[:4]), int(name[5:]), 1), "LLLL y", locale=language))


def _rate(rate: str, language: str) -> str:
    return str(format_percent(Decimal(rate) / 100, "#,##0.## %", locale=language))


def _duration(seconds: int, language: str) -> str:
    """Hours, minutes and seconds, exact: 744:00:00."""
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "−" if seconds < 0 else ""
    return f"{sign}{format_decimal(hours, locale=language)}:{minutes:02}:{rest:02}"
