"""Small promises of the house, each on its own."""

import base64
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from common.auth import Action, Role, permits
from common.auth.permissions import PERMISSIONS
from common.contracts.provisioning import CameraRemoved, CameraRenamed
from common.envelope import BATCH_LIMIT, Envelope, batch_body, pack, unbatch
from common.ids import CameraId, OrganisationId, new_id
from common.sealing import Sealed, Sealer
from common.settings import Settings
from common.telemetry import HIDDEN, set_up_logging

KEY = base64.b64encode(bytes(32)).decode()


def event(kind: str, camera: str, version: int) -> Envelope:
    base = {
        "organisation": OrganisationId("org"),
        "version": version,
        "at": datetime(2026, 3, 1, tzinfo=UTC),
        "camera": CameraId(camera),
        "name": "door",
    }
    if kind == "renamed":
        return Envelope(CameraRenamed.model_validate(base))
    return Envelope(
        CameraRemoved.model_validate({**base, "device": "mac:1"}), trace={"traceparent": "00-1-2-01"}
    )


STREAMS = st.lists(
    st.tuples(st.sampled_from(["renamed", "removed"]), st.sampled_from("abc")), max_size=200
).map(lambda items: [event(kind, camera, place + 1) for place, (kind, camera) in enumerate(items)])


@given(STREAMS)
def test_packing_loses_nothing_mixes_no_types_and_overtakes_nobody(events: list[Envelope]) -> None:
    packs = pack(events)
    travelled = [envelope for one in packs for envelope in one]
    assert sorted(e.id for e in travelled) == sorted(e.id for e in events)
    assert all(len({e.type for e in one}) == 1 and len(one) <= BATCH_LIMIT for one in packs)
    for camera in "abc":
        order = [e.event.version for e in travelled if e.event.subject == camera]
        assert order == sorted(order)


@given(STREAMS.filter(bool))
def test_a_batch_is_read_back_as_it_was_sent(events: list[Envelope]) -> None:
    for one in pack(events):
        back = [Envelope.read(message.headers, message.body) for message in unbatch(batch_body(one))]
        assert back == one


def test_ids_grow_with_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert ids == sorted(ids)


def test_every_role_is_in_the_permission_table() -> None:
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("role", [Role.STAFF, Role.STAFF_ADMIN])
def test_no_staff_role_reads_customer_data(role: Role) -> None:
    """ID-86: without a grant support has no access; members and audit are those of staff's own organisation."""
    own = {Action.READ_ORGANISATION, Action.READ_MEMBERS, Action.READ_AUDIT}
    assert {action for action in Action if action.value.endswith(":read") and permits(role, action)} <= own


def test_a_viewer_changes_nothing() -> None:
    allowed = {action for action in Action if permits(Role.VIEWER, action)}
    assert {action.value.partition(":")[2] for action in allowed} <= {"read", "open"}


def test_what_is_sealed_opens_only_for_its_purpose() -> None:
    sealer = Sealer(SecretStr(KEY))
    sealed = sealer.seal(b"root password", "camera:1")
    assert sealer.open(sealed, "camera:1") == b"root password"
    with pytest.raises(Sealed):
        sealer.open(sealed, "camera:2")
    other = Sealer(SecretStr(base64.b64encode(b"1" * 32).decode()))
    with pytest.raises(Sealed):
        other.open(sealed, "camera:1")


@given(st.integers(0, 200))
def test_a_changed_seal_does_not_open(place: int) -> None:
    sealer = Sealer(SecretStr(KEY))
    sealed = bytearray(sealer.seal(b"secret", "p"))
    sealed[place % len(sealed)] ^= 1
    with pytest.raises(Sealed):
        sealer.open(bytes(sealed), "p")


@pytest.mark.parametrize(
    ("name", "value"),
    [("MASTER_KEY", "short"), ("HTTP_PORT", "many"), ("ENVIRONMENT", "moon"), ("MASTER_KEY", "")],
)
def test_a_wrong_setting_ends_the_process_with_one_clear_line(name: str, value: str) -> None:
    program = "from common.settings import load, Settings; load(Settings)"
    environment = {**os.environ, "VEDETTE_MASTER_KEY": KEY, f"VEDETTE_{name}": value}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert f"VEDETTE_{name}" in result.stderr


def test_secrets_never_reach_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        set_up_logging("test", Settings(master_key=SecretStr(KEY)))
        structlog.get_logger("t").warning("signed in", password="hunter2", access_token="abc.def", user="ada")
    finally:
        structlog.reset_defaults()
    line = json.loads(capfd.readouterr().err.splitlines()[-1])
    assert line["user"] == "ada"
    assert line["password"] == line["access_token"] == HIDDEN
