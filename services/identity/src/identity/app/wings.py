"""The wings that are small enough to stand in one place: signing in, the audit log."""

from identity.api import AuditApi, SessionsApi, SignInsApi
from identity.app.core import Api, Core, Wing
from identity.domain.announcements import ANNOUNCEMENTS
from identity.service.announcements import Announcements
from identity.service.audit import AuditLog
from identity.service.sign_ins import SignIns
from identity.store import AuditStore


def signing_in(core: Core) -> tuple[SignIns, Wing]:
    sign_ins = SignIns(
        core.store, core.secrets, core.hasher, core.throttles, core.post, core.sessions, core.clock
    )
    apis: list[Api] = [SignInsApi(sign_ins, core.origins), SessionsApi(core.sessions, core.keys)]
    return sign_ins, Wing(apis=apis)


def announcements(core: Core) -> Wing:
    people = Announcements(core.store, core.post, core.settings.public_url.rstrip("/"))
    return Wing(hears=dict.fromkeys(ANNOUNCEMENTS, people.hear))


def audit(core: Core) -> tuple[AuditLog, Wing]:
    log = AuditLog(AuditStore(core.parts.database), core.parts.sealer, core.clock)
    return log, Wing(apis=[AuditApi(log)])
