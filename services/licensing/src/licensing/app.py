"""Puts licensing together."""

from datetime import timedelta

from common.app import Assembly, Parts
from common.due import DueLoop, Lease
from licensing.api import Api
from licensing.consumers import subscriptions
from licensing.service import (
    FeeService,
    LicenceService,
    OrganisationClocks,
    OrganisationService,
    TrialService,
)
from licensing.settings import Settings
from licensing.store import INDEXES, LicenceStore, OrganisationStore

TRIAL_ENDS = "trial-ends"


def assemble(parts: Parts, settings: Settings) -> Assembly:
    store, organisations = LicenceStore(parts.database), OrganisationStore(parts.database)
    clocks = OrganisationClocks(organisations, parts.clock, development=settings.development)
    licences = LicenceService(store, clocks, settings.trial)
    trials = TrialService(store, clocks)
    lease = Lease(parts.database, TRIAL_ENDS, parts.clock, timedelta(seconds=settings.trial_lease_seconds))
    loop = DueLoop(TRIAL_ENDS, trials.next_due, trials.end_due, parts.clock, lease)
    clocks.on_move = loop.nudge
    return Assembly(
        routes=Api(licences, FeeService(store, organisations, clocks), clocks).routes(),
        subscriptions=subscriptions(OrganisationService(organisations), licences),
        background=[loop],
        indexes=INDEXES,
    )
