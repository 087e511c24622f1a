"""One click: the button is pressed, the dispatcher gives a certificate and sends the camera home (PR-23 to PR-31)."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from common.contracts.audit import ActRecorded
from common.contracts.provisioning import ClaimProgressed
from device.digest import Digest
from device.identity import Identity
from device.one_click import new_key, signing_request
from provisioning_site import MAC, Site, open_site

OWNER_KEY = "K7QX-2M4P-9ZRT"
IDENTITY = Identity(MAC, OWNER_KEY)
Poll = tuple[int, dict[str, str], bytes]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


async def _first_contact(
    site: Site, csr: str | None = None, *, secret: str = OWNER_KEY, header: str | None = None, **more: Any
) -> Poll:
    site.house.clock.advance(timedelta(milliseconds=1))
    url, target = site.url, f"/dispatcher/v1/devices/{MAC}"
    if header is None:
        digest = Digest(MAC, secret)
        async with site.session.post(url + target) as answer:
            digest.challenged(answer.headers["WWW-Authenticate"])
        header = digest.header("POST", target)
    body = {"csr": csr or signing_request(new_key(), IDENTITY), **more}
    async with site.session.post(url + target, json=body, headers={"Authorization": header or ""}) as answer:
        return answer.status, dict(answer.headers), await answer.read()


async def test_the_button_leads_to_a_certificate_the_way_home_and_a_connection(site: Site) -> None:
    camera = site.camera(secret=OWNER_KEY, dispatcher=True)
    gaps = [await site.timer.until_next_wake() for _ in range(6)]
    assert all(50 <= gap <= 70 for gap in gaps[:5]), "in vain it keeps the law"
    await site.timer.next_wake()
    claim = await site.claim(secret="k7qx 2m4p 9zrt")  # typed, not as printed
    camera.press_button()
    await camera.until("connected")
    assert camera.home is not None
    assert camera.home.url == site.url
    assert camera.token is not None
    assert camera.token.camera == claim["camera"]
    [act] = site.house.bus.said(ActRecorded)
    assert (act.act, act.object, set(act.details)) == (
        "camera_certificate.issued", claim["camera"], {"serial", "expires_at"},
    )  # fmt: skip
    told = [event.state for event in site.house.bus.said(ClaimProgressed)]
    assert told == ["seen", "delivered", "connected"], "seen by the dispatcher already"


async def test_a_certificate_says_what_we_decide_and_no_more(site: Site) -> None:
    await site.claim(secret=OWNER_KEY)
    key = new_key()
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mac:000000000000")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("vedette.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    status, headers, body = await _first_contact(site, _pem(asked))
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    answer = json.loads(body)
    made = x509.load_pem_x509_certificate(answer["certificate"].encode())
    issuer = x509.load_pem_x509_certificate(answer["issuer"].encode())
    made.verify_directly_issued_by(issuer)
    assert made.public_key() == key.public_key()
    extensions = made.extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == [f"urn:vedette:device:mac:{MAC}"]
    assert made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=30, minutes=5)
    root = issuer.extensions
    assert root.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    usage = root.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.digital_signature) == (True, False)


async def test_unknown_unclaimed_and_wrong_owner_key_get_the_same_answer(site: Site) -> None:
    async with open_site() as empty:
        unknown = await _first_contact(empty)
    await site.claim(secret="AAAA-BBBB-CCCC")
    wrong = await _first_contact(site)
    assert (unknown[0], unknown[2]) == (wrong[0], wrong[2]) == (204, b"")
    assert unknown[1]["Retry-After"] == wrong[1]["Retry-After"]
    assert sorted(unknown[1]) == sorted(wrong[1])


async def test_a_wrong_owner_key_is_told_to_who_waits(site: Site) -> None:
    claim = await site.claim(secret="AAAA-BBBB-CCCC")
    await _first_contact(site)
    assert (await site.ask("GET", f"/api/v1/claims/{claim['id']}"))[1]["state"] == "wrong_secret"


async def test_a_proof_that_was_seen_gets_no_certificate_for_another_key(site: Site) -> None:
    await site.claim(secret=OWNER_KEY)
    target = f"/dispatcher/v1/devices/{MAC}"
    digest = Digest(MAC, OWNER_KEY)
    async with site.session.post(site.url + target) as answer:
        digest.challenged(answer.headers["WWW-Authenticate"])
    header = digest.header("POST", target)
    assert (await _first_contact(site, header=header))[0] == 200
    assert (await _first_contact(site, header=header))[0] == 204


async def test_a_proof_for_a_poll_is_none_for_the_dispatcher(site: Site) -> None:
    await site.claim(secret=OWNER_KEY)
    target = f"/dispatcher/v1/devices/{MAC}"
    digest = Digest(MAC, OWNER_KEY)
    async with site.session.post(site.url + target) as answer:
        digest.challenged(answer.headers["WWW-Authenticate"])
    assert (await _first_contact(site, header=digest.header("GET", target)))[0] == 204


@pytest.mark.parametrize("claimed", [True, False])
async def test_a_request_that_is_none_is_refused_for_everybody_alike(site: Site, claimed: bool) -> None:
    if claimed:
        await site.claim(secret=OWNER_KEY)
    pem = signing_request(new_key(), IDENTITY)
    lines = pem.splitlines()
    lines[2] = lines[2][:-6] + ("AAAAAA" if lines[2][-6:] != "AAAAAA" else "BBBBBB")
    weak = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    refused = [
        "nonsense",
        "\n".join(lines),
        _pem(weak.sign(rsa.generate_private_key(65537, 1024), hashes.SHA256())),
        _pem(weak.sign(ec.generate_private_key(ec.SECP192R1()), hashes.SHA256())),
        _pem(weak.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA224())),
    ]
    for csr in refused:
        site.house.clock.advance(timedelta(minutes=1))
        status, _, body = await _first_contact(site, csr)
        assert (status, json.loads(body)["errors"][0]["field"]) == (422, "csr")
    for more in ({"event": "party"}, {"what": 1}, {"csr": "x" * 4000}, {"csr": "x" * 9000}):
        site.house.clock.advance(timedelta(minutes=1))
        assert (await _first_contact(site, **more))[0] in (413, 422)


async def test_rsa_of_a_usual_size_is_fine(site: Site) -> None:
    await site.claim(secret=OWNER_KEY)
    key = rsa.generate_private_key(65537, 2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    assert (await _first_contact(site, _pem(request)))[0] == 200


async def test_pressing_the_button_begins_the_fast_phase_anew(site: Site) -> None:
    for _ in range(6):
        _, headers, _ = await _first_contact(site)
        site.house.clock.advance(timedelta(seconds=int(headers["Retry-After"])))
    _, hourly, _ = await _first_contact(site)
    site.house.clock.advance(timedelta(seconds=int(hourly["Retry-After"])))
    _, again, _ = await _first_contact(site, event="button")
    assert int(again["Retry-After"]) <= 66


async def test_a_camera_renews_its_certificate_in_time(site: Site) -> None:
    async with open_site(camera_certificate_days=1) as site:
        await site.claim(secret=OWNER_KEY)
        camera = site.camera(secret=OWNER_KEY, dispatcher=True)
        await camera.until("connected")
        first = camera.home
        assert first is not None
        await site.timer.next_wake()
        site.house.clock.advance(timedelta(hours=17))
        camera.press_button()  # ends the wait between two heartbeats
        async with asyncio.timeout(5):
            while camera.home is first:
                await asyncio.sleep(0.01)
        assert camera.home is not None
        assert camera.home.expires_at > first.expires_at
        assert camera.state == "connected"


async def test_the_authoritys_key_is_kept_sealed_and_made_once(site: Site) -> None:
    from provisioning.store.authorities import AUTHORITIES

    [root] = site.house.databases["provisioning"].collections[AUTHORITIES].values()
    assert b"PRIVATE" not in root["key"]
    with pytest.raises(ValueError, match=r".*"):
        serialization.load_der_private_key(root["key"], None)
    made = x509.load_pem_x509_certificate(root["certificate"])
    assert made.not_valid_after_utc > datetime.fromisoformat("2036-01-01T00:00:00Z")


def _pem(request: x509.CertificateSigningRequest) -> str:
    return request.public_bytes(serialization.Encoding.PEM).decode()
