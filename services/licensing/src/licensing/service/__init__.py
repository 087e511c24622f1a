"""What licensing can do, one module for each thing a person would name."""

from licensing.service.billing import BillingService
from licensing.service.clocks import OrganisationClocks
from licensing.service.fees import FeeService
from licensing.service.imports import ImportService
from licensing.service.invoices import CreditNoteService, InvoiceService, ReplayService
from licensing.service.licences import LicenceService
from licensing.service.month_close import MonthCloser
from licensing.service.month_schedule import MonthCloseService
from licensing.service.payments import PaymentService
from licensing.service.trials import TrialService

__all__ = [
    "BillingService",
    "CreditNoteService",
    "FeeService",
    "ImportService",
    "InvoiceService",
    "LicenceService",
    "MonthCloseService",
    "MonthCloser",
    "OrganisationClocks",
    "PaymentService",
    "ReplayService",
    "TrialService",
]
