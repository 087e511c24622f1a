"""ISO 20022 camt.053 (bank to customer statement), any version: the credit entries that are booked.

Read by local names, so the namespace's version does not matter. An entry with several transactions (a batch)
is as many rows. Entities and external references are refused by defusedxml.
"""

from functools import partial
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from common.errors import Invalid
from licensing.domain.bank_file import Incoming, Row, incoming, must_be_few, row_of


def camt_rows(content: str) -> list[Row]:
    """Raises `Invalid` when it is no camt.053 document. Debits are left out."""
    try:
        root = fromstring(content.encode())
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise Invalid("file_unreadable", f"This is no readable XML: {type(error).__name__}") from None
    statements = _all(root, "BkToCstmrStmt", "Stmt")
    if not statements:
        raise Invalid("file_unreadable", "This is no camt.053 statement")
    rows: list[Row] = []
    for statement in statements:
        for entry in _all(statement, "Ntry"):
            if _text(entry, "CdtDbtInd") != "CRDT":
                continue
            transactions: list[Element | None] = [*_all(entry, "NtryDtls", "TxDtls")]
            for transaction in transactions or [None]:
                number = len(rows) + 1
                rows.append(row_of(number, partial(_read, number, statement, entry, transaction)))
    must_be_few(len(rows))
    return rows


def _read(number: int, statement: Element, entry: Element, transaction: Element | None) -> Incoming:
    if _text(entry, "RvslInd") == "true":
        raise Invalid("reversal", "A returned payment: staff decides what it means")
    status = _text(entry, "Sts", "Cd") or _text(entry, "Sts")
    if status != "BOOK":
        raise Invalid("not_booked", f"The bank has not booked it yet ({status[:10] or 'no status'})")
    alone = len(_all(entry, "NtryDtls", "TxDtls")) <= 1
    amount = _amount(entry, transaction, alone=alone)
    where = transaction if transaction is not None else entry
    own = _text(where, "Refs", "AcctSvcrRef") or (alone and _text(entry, "AcctSvcrRef"))
    reference = own or f"{_text(statement, 'Id')}/{_text(entry, 'NtryRef')}/{number}"
    return incoming(
        number,
        {
            "reference": reference,
            "amount": (amount.text or "").strip(),
            "currency": amount.get("Ccy", ""),
            "date": _text(entry, "BookgDt", "Dt") or _text(entry, "BookgDt", "DtTm"),
            "text": " ".join(_remittance(where)),
        },
    )


def _amount(entry: Element, transaction: Element | None, *, alone: bool) -> Element:
    if transaction is not None:
        for path in (("Amt",), ("AmtDtls", "TxAmt", "Amt")):
            if found := _all(transaction, *path):
                return found[0]
    found = _all(entry, "Amt")
    if not found or not alone:
        raise Invalid("amount_invalid", "A transaction of a batch does not tell its amount")
    return found[0]


def _remittance(where: Element) -> list[str]:
    texts = [one.text or "" for one in _all(where, "RmtInf", "Ustrd")]
    texts += [one.text or "" for one in _all(where, "RmtInf", "Strd", "CdtrRefInf", "Ref")]
    return [*texts, _text(where, "Refs", "EndToEndId")]


def _all(element: Element, *path: str) -> list[Element]:
    found = [element]
    for name in path:
        found = [child for one in found for child in one if child.tag.rpartition("}")[2] == name]
    return found


def _text(element: Element, *path: str) -> str:
    found = _all(element, *path)
    return (found[0].text or "").strip() if found else ""
