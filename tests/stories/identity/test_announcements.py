"""What other services tell becomes mails for the right people, in their language, once."""

from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest

from common.contracts.licensing import (
    ChargeDeclined,
    DeclineReason,
    InvoiceIssued,
    NoticeDue,
    PaymentDisputed,
    PaymentReceived,
    PlanChangeAnnounced,
    StandingChanged,
)
from common.contracts.provisioning import TransferChanged
from common.contracts.relay import AllowanceCrossed
from common.ids import CameraId, OrganisationId
from identity.clients.letters import LOCALES, write
from identity.domain.accounts import Language
from identity.domain.announcements import ANNOUNCEMENTS
from identity.domain.mails import Mail


def crossed(organisation: str, percent: Any) -> AllowanceCrossed:
    return AllowanceCrossed(
        organisation=OrganisationId(organisation),
        version=1,
        at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        period="2026-03",
        percent=percent,
        used_bytes=240_000_000_000,
        allowance_bytes=300_000_000_000,
    )


@pytest.fixture
async def acme(portal: Any) -> str:
    await portal.with_account()
    tokens = await portal.signed_in()
    return str(tokens["organisation"])


async def test_an_administrator_is_told_in_their_language(portal: Any, acme: str) -> None:
    await portal.house.bus.tell(crossed(acme, 80))
    letter = await portal.mailbox.next()
    assert letter.to == "ada@acme.example"
    assert letter.subject == "Využito 80 % přenesených dat na tento měsíc"
    assert "Acme s.r.o." in letter.text
    assert "240 GB z 300 GB" in letter.text


async def test_who_only_looks_is_not_told(portal: Any, acme: str) -> None:
    other = await portal.second_organisation()
    await portal.house.bus.tell(crossed(other, 80), crossed(acme, 100))
    letter = await portal.mailbox.next()
    assert letter.subject == "Přenesená data na tento měsíc jsou vyčerpána"
    assert portal.mailbox.letters.empty()


async def test_an_event_that_comes_twice_is_announced_once(portal: Any, acme: str) -> None:
    portal.house.bus.publish([crossed(acme, 50)])
    portal.house.bus.redeliver()
    await portal.house.bus.deliver()
    await portal.mailbox.next()
    assert portal.mailbox.letters.empty()


def billing_news(organisation: str) -> list[tuple[Any, str]]:
    """What licensing says, and a piece of what Ada reads about it."""
    who = {"organisation": organisation, "version": 1, "at": datetime(2026, 4, 9, 22, tzinfo=UTC)}
    bill = {"amount": 12_500, "currency": "CZK"}
    plan = {"plan": "standard", "plan_version": 2, "name": "Standard", "cameras": 2, "currency": "CZK"}
    coming = plan | {"effective_at": datetime(2026, 5, 31, 22, tzinfo=UTC), "amount_before": 25_000}
    notice = bill | {"days": 7, "effective_at": datetime(2026, 4, 15, 22, tzinfo=UTC), "cameras": 2}
    standing = {"since": datetime(2026, 4, 15, 22, tzinfo=UTC)} | bill
    owed = {"invoices": ["2026000001"]}
    return [
        (
            InvoiceIssued(
                **who, **bill, invoice="i", number="2026000001", month="2026-03", due_on=date(2026, 4, 15)
            ),
            "125,00 Kč, splatná do 2026-04-15",
        ),
        (PaymentReceived(**who, **bill, payment="p", credited=0, outstanding=605), "6,05 Kč"),
        (NoticeDue(**who, **notice, notice="1", kind="trial_ends", invoices=[]), "končí 16. dubna 2026"),
        (NoticeDue(**who, **notice, notice="2", kind="suspension", **owed), "(2026000001)"),
        (NoticeDue(**who, **notice, notice="3", kind="inactivation", **owed), "neaktivní"),
        (
            PlanChangeAnnounced(**who, **coming, notice="4", amount_after=30_000),
            "300,00 Kč bez daně místo dosavadních 250,00 Kč",
        ),
        (PlanChangeAnnounced(**who, **coming, notice="5", amount_after=25_000), "Cena se nemění"),
        (StandingChanged(**who, **standing, standing="overdue", previous="clear", **owed), "nebyla uhrazena"),
        (StandingChanged(**who, **standing, standing="arrears", previous="overdue", **owed), "nic nestojí"),
        (
            StandingChanged(
                **who | {"version": 3},
                since=who["at"],
                standing="clear",
                previous="arrears",
                amount=0,
                currency=None,
                invoices=[],
            ),
            "opět fungují",
        ),
        (
            declined(organisation, "insufficient_funds", datetime(2026, 4, 9, 22, tzinfo=UTC)),
            "zkusíme 10. dubna 2026",
        ),
        (declined(organisation, "card_expired", None), "platnost karty vypršela"),
        (declined(organisation, "authentication_needed", None), "do jednoho dne"),
    ]


def disputed(organisation: str, state: Any) -> PaymentDisputed:
    return PaymentDisputed(
        organisation=OrganisationId(organisation),
        version=["inquiry", "open", "lost", "won"].index(state) + 1,
        at=datetime(2026, 4, 8, 22, tzinfo=UTC),
        dispute="stripe:dp_1",
        payment="p",
        invoice="i",
        number="2026000001",
        amount=12_500,
        currency="CZK",
        state=state,
        reason="fraudulent",
        outstanding=12_500,
    )


def declined(organisation: str, reason: Any, again: datetime | None) -> ChargeDeclined:
    return ChargeDeclined(
        organisation=OrganisationId(organisation),
        version=3,
        at=datetime(2026, 4, 8, 22, tzinfo=UTC),
        charge="c",
        invoice="i",
        number="2026000001",
        amount=12_500,
        currency="CZK",
        reason=reason,
        attempt=1,
        next_try=again,
    )


async def test_who_reads_bills_is_told_of_bills_payments_debts_and_what_comes(portal: Any, acme: str) -> None:
    for event, expected in billing_news(acme):
        await portal.house.bus.tell(event)
        letter = await portal.mailbox.next()
        assert expected in letter.text, letter.text


async def test_a_bill_that_asks_for_nothing_is_not_mailed(portal: Any, acme: str) -> None:
    bill, _ = billing_news(acme)[0]
    await portal.house.bus.tell(bill.model_copy(update={"amount": -5}), crossed(acme, 80))
    letter = await portal.mailbox.next()
    assert "80 %" in letter.subject


def moved(organisation: str, direction: Any, state: Any) -> TransferChanged:
    return TransferChanged(
        organisation=OrganisationId(organisation), version=2, at=datetime(2026, 4, 9, 22, tzinfo=UTC),
        transfer="t", camera=CameraId("c"), device="mac:0040ff112233", name="Vrata" if direction == "away" else "",
        direction=direction, state=state, contest_until=datetime(2026, 4, 15, 22, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "state", "expected"),
    [
        ("away", "done", "„Vrata“ (0040ff112233) byla přidána v jiné organizaci"),
        ("away", "done", "napadnout do 16. dubna 2026"),
        ("here", "contested", "Napište nám prosím, jak jste ji získali"),
        ("here", "withdrawn", "se už spor nevede"),
        ("away", "upheld", "opět patří organizaci Acme s.r.o."),
        ("here", "upheld", "Patří opět předchozí organizaci"),
        ("away", "rejected", "přesun kamery „Vrata“"),
        ("here", "rejected", "patří organizaci Acme s.r.o."),
    ],
)
async def test_who_may_add_cameras_is_told_that_one_moved_and_what_became_of_the_contest(
    portal: Any, acme: str, direction: Any, state: Any, expected: str
) -> None:
    await portal.house.bus.tell(moved(acme, direction, state))
    letter = await portal.mailbox.next()
    assert expected in letter.text, letter.text


async def test_what_an_organisation_did_itself_is_not_mailed_to_it(portal: Any, acme: str) -> None:
    own = [moved(acme, "here", "done"), moved(acme, "away", "contested"), moved(acme, "away", "withdrawn")]
    await portal.house.bus.tell(*own, crossed(acme, 80))
    assert "80 %" in (await portal.mailbox.next()).subject


@pytest.mark.parametrize(
    ("state", "customer", "staff"),
    [
        ("inquiry", None, "the money stays with us"),
        ("open", "znovu dlužná", "the customer owes it again"),
        ("won", "platba platí", "the money is back and booked"),
        ("lost", "s konečnou platností", "still owes the amount"),
    ],
)
async def test_customer_and_staff_hear_of_a_dispute_each_what_concerns_them(
    portal: Any, acme: str, state: str, customer: str | None, staff: str
) -> None:
    await portal.house.bus.tell(disputed(acme, state))
    letters = [await portal.mailbox.next() for _ in range(2 if customer else 1)]
    assert portal.mailbox.letters.empty()
    told = {letter.to: letter.text for letter in letters}
    assert staff in told["staff@vedette.example"]
    assert "Acme s.r.o." in told["staff@vedette.example"]
    assert "stripe:dp_1" in told["staff@vedette.example"]
    if customer is not None:
        assert customer in told["ada@acme.example"]
        assert "stripe:dp_1" not in told["ada@acme.example"]


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("again", [None, datetime(2026, 4, 9, 22, tzinfo=UTC)])
@pytest.mark.parametrize("reason", get_args(DeclineReason))
def test_why_a_card_was_not_charged_is_said_in_every_language(
    language: Language, reason: str, again: datetime | None
) -> None:
    template, values = ANNOUNCEMENTS[ChargeDeclined].mail(declined("o", reason, again)) or ("activation", {})
    now = datetime(2026, 4, 8, 22, tzinfo=UTC)
    mail = Mail(
        id="1", template=template, language=language, to="a@b.example", sealed=None, due_at=now,
        values={**values, "name": "Ada", "organisation": "Acme", "link": "https://x.example"},
        give_up_at=now, forget_at=now, time_zone="Europe/Prague",
    )  # fmt: skip
    letter = write(mail, {})
    assert "2026000001" in letter.text
    assert "https://x.example" in letter.text
    assert "{" not in letter.text + letter.subject
    assert len([part for part in letter.text.split("\n\n") if part.strip()]) == 5, letter.text
