"""Passkeys in a real browser: Chromium with a virtual authenticator, from enrolment to signing in alone."""

import shutil
import socket
from typing import Any

import pytest
from playwright.async_api import async_playwright
from pydantic import SecretStr

from identity_replica import PASSWORD, people, replica, replica_settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt-get install chromium)"),
]
ADA = "ada@acme.example"
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip
ENROL = """async ([token, name]) => {
  const send = async (path, body) => (await fetch('/api/v1/' + path, {method: 'POST', headers: {
    'Content-Type': 'application/json', 'Authorization': 'Bearer ' + token}, body: JSON.stringify(body)})).json();
  const made = await send('authenticators', {kind: 'passkey', name});
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(made.options);
  const answer = await navigator.credentials.create({publicKey});
  return send(`authenticators/${made.id}/confirm`, {passkey: answer.toJSON()});
}"""
ALONE = """async () => {
  const send = async (path, body) => (await fetch('/api/v1/' + path, {method: 'POST', headers: {
    'Content-Type': 'application/json'}, body: body && JSON.stringify(body)})).json();
  const asked = await send('sign-ins/passkeys');
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.options);
  const answer = await navigator.credentials.get({publicKey});
  return send('sign-ins/passkeys/' + asked.id, {passkey: answer.toJSON()});
}"""
SECOND = """async ([login, password]) => {
  const send = async (path, body) => (await fetch('/api/v1/' + path, {method: 'POST', headers: {
    'Content-Type': 'application/json'}, body: JSON.stringify(body)})).json();
  const step = await send('sign-ins', {login, password});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(step.factors[0].options);
  const answer = await navigator.credentials.get({publicKey});
  return send(`sign-ins/${step.id}/verify`, {factor: 'passkey', passkey: answer.toJSON()});
}"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def test_a_passkey_made_in_a_browser_signs_in_with_and_without_the_password(
    mongo_url: str, amqp_url: str, prefix: str, catcher: Any
) -> None:
    port = free_port()
    settings = replica_settings(mongo_url, amqp_url, prefix, smtp_url=SecretStr(catcher.url)).model_copy(
        update={"http_port": port, "public_url": f"http://localhost:{port}"}
    )
    async with replica(settings) as direct, async_playwright() as playwright:
        await people(settings, ADA)
        _, step = await direct.post("sign-ins", {"login": ADA, "password": PASSWORD})
        code = await catcher.next_code()
        _, done = await direct.post(f"sign-ins/{step['id']}/verify", {"code": code})

        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        await page.goto(f"http://localhost:{port}/live")
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("WebAuthn.enable")
        await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})

        confirmed = await page.evaluate(ENROL, [done["access_token"], "This laptop"])
        assert confirmed["authenticator"]["name"] == "This laptop", confirmed
        assert len(confirmed["recovery_codes"]) == 10
        for answer in (await page.evaluate(ALONE), await page.evaluate(SECOND, [ADA, PASSWORD])):
            assert answer["status"] == "signed_in", answer
            direct.token = answer["access_token"]
            assert (await direct.send("GET", "me"))[0] == 200
        await browser.close()
