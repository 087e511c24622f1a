"""HTTP in: licences, plans, fees and test clocks; billing; payments; cards; what-if."""

from licensing.api.billing import BillingApi
from licensing.api.cards import CardApi
from licensing.api.payments import PaymentApi
from licensing.api.plans import PlanApi
from licensing.api.routes import Api
from licensing.api.staff_plans import StaffPlanApi
from licensing.api.what_if import WhatIfApi

__all__ = ["Api", "BillingApi", "CardApi", "PaymentApi", "PlanApi", "StaffPlanApi", "WhatIfApi"]
