"""Bus in: which event is whose work."""

from collections.abc import Mapping

from common.consumer import Handler
from common.contracts import Event
from common.contracts.identity import OrganisationChanged, OrganisationCreated
from common.contracts.licensing import InvoiceIssued
from common.contracts.provisioning import CameraConnected, CameraRemoved
from licensing.service import AutomaticChargeService, BillingService, LicenceService


def subscriptions(
    billing: BillingService, licences: LicenceService, charges: AutomaticChargeService
) -> Mapping[type[Event], Handler]:
    return {
        OrganisationCreated: billing.organisation_created,
        OrganisationChanged: billing.organisation_changed,
        CameraConnected: licences.camera_connected,
        CameraRemoved: licences.camera_removed,
        InvoiceIssued: charges.invoice_issued,
    }
