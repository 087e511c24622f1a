"""The wings that are small enough to stand in one place: what others announce, the audit log."""

from identity.api import AuditApi
from identity.app.core import Core, Wing
from identity.domain.announcements import ANNOUNCEMENTS
from identity.service.announcements import Announcements
from identity.service.audit import AuditLog
from identity.store import AuditStore, OrganisationStore


def announcements(core: Core) -> Wing:
    people = Announcements(
        OrganisationStore(core.parts.database), core.post, core.settings.public_url.rstrip("/")
    )
    return Wing(hears=dict.fromkeys(ANNOUNCEMENTS, people.hear))


def audit(core: Core) -> tuple[AuditLog, Wing]:
    log = AuditLog(AuditStore(core.parts.database), core.parts.sealer, core.clock)
    return log, Wing(apis=[AuditApi(log)])
