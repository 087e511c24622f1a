"""What licensing can do, one module for each thing a person would name."""

from licensing.service.add_ons import AddOnService
from licensing.service.automatic_charges import AutomaticChargeService
from licensing.service.billing import BillingService
from licensing.service.cards import CardService
from licensing.service.charges import ChargeService
from licensing.service.clocks import OrganisationClocks
from licensing.service.disputes import DisputeService
from licensing.service.fees import FeeService
from licensing.service.imports import ImportService
from licensing.service.invoices import CreditNoteService, InvoiceService, ReplayService
from licensing.service.licences import LicenceService
from licensing.service.month_close import MonthCloser
from licensing.service.month_schedule import MonthCloseService
from licensing.service.payment_events import PaymentEventService
from licensing.service.payments import PaymentService
from licensing.service.plan_book import PlanBook, PlanTerms, SoldIn
from licensing.service.plan_notices import PlanNoticeService
from licensing.service.plans import PlanService
from licensing.service.refunds import RefundService
from licensing.service.standing import StandingService
from licensing.service.trial_notices import TrialNoticeService
from licensing.service.trials import TrialService
from licensing.service.what_if import WhatIfService

__all__ = [
    "AddOnService",
    "AutomaticChargeService",
    "BillingService",
    "CardService",
    "ChargeService",
    "CreditNoteService",
    "DisputeService",
    "FeeService",
    "ImportService",
    "InvoiceService",
    "LicenceService",
    "MonthCloseService",
    "MonthCloser",
    "OrganisationClocks",
    "PaymentEventService",
    "PaymentService",
    "PlanBook",
    "PlanNoticeService",
    "PlanService",
    "PlanTerms",
    "RefundService",
    "ReplayService",
    "SoldIn",
    "StandingService",
    "TrialNoticeService",
    "TrialService",
    "WhatIfService",
]
