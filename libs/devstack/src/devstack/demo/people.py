"""Signing up and signing in, with real mails."""

import secrets
from dataclasses import dataclass, field

from devstack.demo.caller import Caller
from devstack.demo.stage import Stage, check
from devstack.inbox import Inbox, code_in
from devstack.signup import form

VERIFIED = "Your account is verified successfully."


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in."""

    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    caller: Caller
    organisation: str
    """Id."""


async def sign_up(stage: Stage) -> Account:
    """Organisation form, real mail, activation with code and a new password."""
    visitor = Caller(stage.http, stage.gateway)
    # An organisation of its own every time: the demo can be played again and again on one suite.
    inbox = Inbox(stage.http, stage.catcher, f"anna.{secrets.token_hex(3)}@sunny-bakery.example")
    account = Account(inbox.address, f"Sunny-{secrets.token_urlsafe(9)}")
    sent = await visitor.ask(
        "POST", "/api/v1/organisations", form(account.email, "Sunny Bakery", "Novak"), status=202
    )
    stage.tell("sends the customer form, both boxes ticked", sent["message"])
    mail = await inbox.after(0)
    code = code_in(mail["text"])
    stage.tell("opens the e-mail that came by SMTP", f"“{mail['subject']}”, code {code}")
    body = {"email": account.email, "code": code, "password": account.password}
    activated = await visitor.ask("POST", "/api/v1/activations", body)
    check("what is read after activation", activated["message"], VERIFIED)
    stage.tell("activates with the code and a new password", activated["message"])
    return account


async def sign_in(stage: Stage, account: Account) -> Person:
    """Password, then the one-time password that was mailed."""
    visitor = Caller(stage.http, stage.gateway)
    inbox = Inbox(stage.http, stage.catcher, account.email)
    last = await inbox.newest_id()
    body = {"login": account.email, "password": account.password}
    challenge = await visitor.ask("POST", "/api/v1/sign-ins", body, status=201)
    stage.tell(
        f"{account.email} gives the password",
        f"second factor: {challenge['second_factor']} to {challenge['recipient']}",
    )
    mail = await inbox.after(last)
    code = code_in(mail["text"])
    verify = f"/api/v1/sign-ins/{challenge['id']}/verify"
    tokens = await visitor.ask("POST", verify, {"code": code})
    check("state after the one-time password", tokens["status"], "signed_in")
    person = Person(Caller(stage.http, stage.gateway, tokens["access_token"]), tokens["organisation"])
    me = await person.caller.ask("GET", "/api/v1/me")
    check("who the token is for", me["user"]["email"], account.email)
    stage.tell(
        f"enters the one-time password {code}",
        f"token of {tokens['expires_in']} s for {me['organisation']['name']} as {me['role']}",
    )
    return person
