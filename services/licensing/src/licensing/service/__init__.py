"""What licensing can do, one module for each thing a person would name."""

from licensing.service.clocks import OrganisationClocks
from licensing.service.fees import FeeService
from licensing.service.licences import LicenceService
from licensing.service.organisations import OrganisationService
from licensing.service.trials import TrialService

__all__ = ["FeeService", "LicenceService", "OrganisationClocks", "OrganisationService", "TrialService"]
