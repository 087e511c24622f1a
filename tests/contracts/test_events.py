"""What goes over the wire, pinned: every wire change is a visible difference in a golden sample."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from common.contracts import EVENTS, Event, licensing
from common.contracts.audit import ActRecorded, ActRefused, VisitorActed
from common.contracts.identity import (
    AccessChanged,
    OrganisationChanged,
    OrganisationCreated,
    SessionRevoked,
    VisitorEntered,
    VisitorLeft,
)
from common.contracts.licensing import (
    ChargeDeclined,
    CreditNoteIssued,
    InvoiceIssued,
    LicenceChanged,
    NoticeDue,
    PaymentDisputed,
    PaymentReceived,
    PlanChangeAnnounced,
    PlanChanged,
    StandingChanged,
)
from common.contracts.provisioning import (
    CameraClaimed,
    CameraConnected,
    CameraRemoved,
    CameraRenamed,
    ClaimImportProgressed,
    ClaimProgressed,
    ItemAdded,
    ItemRemoved,
    ItemRenamed,
    ItemsMoved,
    PresenceChanged,
    TransferChanged,
)
from common.contracts.relay import (
    AllowanceCrossed,
    RemoteSessionClosed,
    RemoteSessionOpened,
    ServerStatusChanged,
    UsageSampled,
)

SAMPLES = Path(__file__).parent / "samples"
BASE: dict[str, Any] = {
    "organisation": "org1",
    "version": 3,
    "at": datetime(2026, 3, 1, 12, 30, 15, 250_000, UTC),
}
CAMERA: dict[str, Any] = {"camera": "cam1", "device": "mac:0040ff112233", "name": "Front door"}
ITEM: dict[str, Any] = {"item": "item1", "kind": "folder", "name": "Hall"}
FACTS: list[tuple[type[Event], dict[str, Any]]] = [
    (
        OrganisationCreated,
        {
            "name": "Ada Ltd",
            "kind": "customer",
            "time_zone": "Europe/Prague",
            "currency": "CZK",
            "language": "cs",
        },
    ),
    (SessionRevoked, {"session": "ses1", "user": "usr1", "reason": "logout"}),
    (
        AccessChanged,
        {
            "access": "org1:usr1",
            "user": "usr1",
            "role": "operator",
            "via": "partner",
            "items": ["loc1"],
            "servers": None,
            "until": datetime(2026, 4, 1, tzinfo=UTC),
        },
    ),
    (
        VisitorEntered,
        {
            "session": "ses1",
            "user": "usr1",
            "name": "Tom Technik",
            "home": "Partner GmbH",
            "via": "partner",
            "grant": "gra1",
            "role": "operator",
            "items": ["loc1"],
            "until": None,
        },
    ),
    (
        VisitorLeft,
        {"session": "ses1", "user": "usr1", "via": "partner", "grant": "gra1", "reason": "grant_ended"},
    ),
    (
        OrganisationChanged,
        {
            "name": "Ada Ltd",
            "time_zone": "Europe/Prague",
            "currency": "CZK",
            "language": "cs",
            "country": "CZ",
        },
    ),
    (ActRecorded, {"act": "root_password.revealed", "object": "cam1", "details": {"name": "Front door"}}),
    (
        ActRefused,
        {"action": "members:manage", "object": "POST /api/v1/invitations", "code": "forbidden"},
    ),
    (VisitorActed, {"grant": "gra1", "method": "GET", "path": "/api/v1/cameras/cam1", "status": 200}),
    (CameraClaimed, {**CAMERA, "claim": "clm1", "claimed_by": "usr1"}),
    (
        ClaimProgressed,
        {
            "claim": "clm1",
            "camera": "cam1",
            "state": "waiting",
            "next_poll_expected": "2026-03-01T12:31:00Z",
        },
    ),
    (CameraConnected, {**CAMERA, "first": True, "parent": "loc1"}),
    (
        PresenceChanged,
        {"camera": "cam1", "online": False, "last_seen": datetime(2026, 3, 1, 12, 25, tzinfo=UTC)},
    ),
    (CameraRenamed, {"camera": "cam1", "name": "Gate"}),
    (CameraRemoved, CAMERA),
    (ItemAdded, {**ITEM, "parent": None}),
    (ItemRenamed, ITEM),
    (ItemsMoved, {"parents": {"cam1": "item1", "item1": None}}),
    (ItemRemoved, {**ITEM, "kind": "withdrawn"}),
    (
        ClaimImportProgressed,
        {
            "claim_import": "imp1",
            "state": "claiming",
            "rows": 1000,
            "done": 400,
            "claimed": 398,
            "refused": 2,
        },
    ),
    (
        TransferChanged,
        {
            **CAMERA,
            "transfer": "tra1",
            "direction": "away",
            "state": "done",
            "contest_until": datetime(2026, 3, 8, 12, 30, tzinfo=UTC),
        },
    ),
    (
        LicenceChanged,
        {
            "licence": "lic1",
            "camera": "cam1",
            "state": "active",
            "previous": "demo",
            "cause": "trial_ended",
            "since": datetime(2026, 3, 1, tzinfo=UTC),
            "plan": "standard",
            "portal_features": True,
            "recording": True,
            "charged": True,
            "simultaneous_accesses": 5,
            "trial_ends": datetime(2026, 3, 1, tzinfo=UTC),
            "plan_version": 2,
            "add_ons": ["retention_30"],
            "live_view": True,
            "retention_days": 60,
            "analytics": ["motion"],
        },
    ),
    (licensing.TestClockMoved, {"ahead_seconds": 86_400}),
    (
        PaymentDisputed,
        {
            "dispute": "stripe:dp_1",
            "payment": "20260301-0a1b",
            "invoice": "org1-2026-02",
            "number": "2026000007",
            "amount": 605,
            "currency": "EUR",
            "state": "open",
            "reason": "fraudulent",
            "outstanding": 605,
        },
    ),
    (
        ChargeDeclined,
        {
            "charge": "org1-2026-02-auto",
            "invoice": "org1-2026-02",
            "number": "2026000007",
            "amount": 605,
            "currency": "EUR",
            "reason": "insufficient_funds",
            "attempt": 1,
            "next_try": datetime(2026, 3, 2, 12, 30, 15, tzinfo=UTC),
        },
    ),
    (
        InvoiceIssued,
        {
            "invoice": "org1-2026-02",
            "number": "2026000123",
            "month": "2026-02",
            "amount": 15_125,
            "currency": "CZK",
            "due_on": date(2026, 3, 15),
        },
    ),
    (
        CreditNoteIssued,
        {
            "invoice": "org1-2026-02-C2026000001",
            "number": "C2026000001",
            "corrects": "org1-2026-02",
            "amount": -15_125,
            "currency": "CZK",
        },
    ),
    (
        PaymentReceived,
        {"payment": "pay1", "amount": 20_000, "currency": "CZK", "credited": 4_875, "outstanding": 0},
    ),
    (
        StandingChanged,
        {
            "standing": "overdue",
            "previous": "clear",
            "since": datetime(2026, 11, 15, 23, tzinfo=UTC),
            "amount": 15_125,
            "currency": "CZK",
            "invoices": ["2026000001"],
        },
    ),
    (
        NoticeDue,
        {
            "notice": "org1:suspension:20261115T230000:3",
            "kind": "suspension",
            "days": 3,
            "effective_at": datetime(2026, 11, 15, 23, tzinfo=UTC),
            "amount": 15_125,
            "currency": "CZK",
            "cameras": 4,
            "invoices": ["2026000001"],
        },
    ),
    (
        PlanChanged,
        {
            "plan": "standard",
            "latest": 2,
            "on_offer": True,
            "valid_from": datetime(2026, 4, 1, tzinfo=UTC),
            "names": {"en": "Standard", "es": "Estándar"},
            "prices": {"EUR": 600, "CZK": 15_000},
            "add_ons": ["retention_30"],
        },
    ),
    (
        PlanChangeAnnounced,
        {
            "notice": "org1:plan:standard:2",
            "plan": "standard",
            "plan_version": 2,
            "name": "Standard",
            "effective_at": datetime(2026, 3, 31, 22, tzinfo=UTC),
            "cameras": 4,
            "currency": "CZK",
            "amount_before": 50_000,
            "amount_after": 60_000,
        },
    ),
    (
        ServerStatusChanged,
        {"server": "srv1", "name": "Recorder", "status": "green", "software_version": "6.8.1"},
    ),
    (RemoteSessionOpened, {"session": "rem1", "server": "srv1", "mode": "peer_to_peer_or_relay"}),
    (RemoteSessionClosed, {"session": "rem1", "server": "srv1", "reason": "closed_by_user"}),
    (UsageSampled, {"session": "rem1", "allocation": "node-1", "forwarded_bytes": 1_234_567}),
    (
        AllowanceCrossed,
        {
            "period": "2026-03",
            "percent": 80,
            "used_bytes": 240_000_000_000,
            "allowance_bytes": 300_000_000_000,
        },
    ),
]
EXAMPLES = [kind.model_validate(BASE | fields) for kind, fields in FACTS]


def test_every_event_has_a_sample() -> None:
    assert {example.wire for example in EXAMPLES} == set(EVENTS)
    assert {path.stem for path in SAMPLES.glob("*.json")} == set(EVENTS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.wire)
def test_what_is_sent_is_what_was_agreed(example: Event) -> None:
    agreed = json.loads((SAMPLES / f"{example.wire}.json").read_text())
    assert json.loads(example.model_dump_json()) == agreed


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.wire)
def test_an_agreed_event_is_understood_also_with_fields_we_do_not_know(example: Event) -> None:
    agreed = json.loads((SAMPLES / f"{example.wire}.json").read_text())
    understood = type(example).model_validate_json(json.dumps(agreed | {"added_later": 1}))
    assert understood == example


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.wire)
def test_names_say_speaker_fact_and_version(kind: type[Event]) -> None:
    speaker, fact, version = kind.wire.split(".")
    assert kind.__module__ == f"common.contracts.{speaker}"
    assert fact.replace("_", "") == kind.__name__.lower()
    assert version == "v1"
    assert kind.about in kind.model_fields
