"""The mailbox, the pages and the search of the code."""

from email.message import EmailMessage

import pytest

from devstack import pages
from devstack.inbox import NoMailError, code_in
from devstack.mail import Mailbox
from devstack.screen import without_password


def mail(subject: str, text: str = "text", html: str = "") -> bytes:
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


async def test_the_oldest_mail_is_forgotten_when_the_box_is_full() -> None:
    box = Mailbox(kept=2)
    for subject in ("one", "two", "three"):
        await box.add("from@x.example", ["to@x.example"], mail(subject))
    assert [caught.subject for caught in box.newest()] == ["three", "two"]
    assert box.get(1) is None


async def test_mail_is_found_by_its_recipient_in_any_case_of_letters() -> None:
    box = Mailbox()
    await box.add("from@x.example", ["Anna@X.example"], mail("for Anna"))
    await box.add("from@x.example", ["berta@x.example"], mail("for Berta"))
    assert [caught.subject for caught in box.newest("anna@x.example")] == ["for Anna"]


async def test_waiting_for_a_mail_that_does_not_come_ends_empty() -> None:
    assert await Mailbox().wait("anna@x.example", after=0, seconds=0.01) == []


async def test_text_and_html_are_both_kept_with_their_letters() -> None:
    caught = await Mailbox().add("a@x.example", ["b@x.example"], mail("Grüße", "Schön", "<b>Schön</b>"))
    assert (caught.subject, caught.text.strip(), caught.html.strip()) == ("Grüße", "Schön", "<b>Schön</b>")


async def test_a_mail_cannot_put_markup_into_the_page() -> None:
    caught = await Mailbox().add("a@x.example", ["b@x.example"], mail("<script>x</script>"))
    assert "<script>x" not in pages.inbox([caught], to="") + pages.one_mail(caught)


@pytest.mark.parametrize(
    ("text", "code"),
    [("Your activation code: 4F7K-22QM\n", "4F7K-22QM"), ("Hello,\n\n   483920  \n\nBye", "483920")],
)
def test_the_code_is_found_after_its_label_or_alone_on_a_line(text: str, code: str) -> None:
    assert code_in(text) == code


def test_a_mail_without_a_code_says_so() -> None:
    with pytest.raises(NoMailError, match="no code"):
        code_in("Hello, how are you?")


def test_an_address_is_shown_without_its_password() -> None:
    assert without_password("given: amqp://user:secret@host:5672/") == "given: amqp://user@host:5672/"
