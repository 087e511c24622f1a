"""A wrong setting is named; a secret is not."""

import pytest
from pydantic import SecretStr, ValidationError

from identity.api.registrations import Activation
from identity.settings import Settings

KEY = SecretStr("A" * 43 + "=")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("smtp_url", "http://mail"),
        ("smtp_url", "smtp://mail:25?tls=yes"),
        ("mail_from", "nobody"),
        ("mail_from", "Vedette <v@vedette.example>\r\nBcc: x@example.com"),
        ("trusted_proxies", ["10.0.0.1/8"]),
        ("bootstrap_staff", "staff@vedette.example:short"),
    ],
)
def test_a_wrong_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"master_key": KEY, "environment": "development", setting: value})


def test_staff_is_bootstrapped_in_development_only() -> None:
    staff = SecretStr("staff@vedette.example:staff password")
    with pytest.raises(ValidationError, match="development only"):
        Settings(master_key=KEY, bootstrap_staff=staff)


def test_a_password_keeps_its_spaces_and_is_never_printed() -> None:
    body = Activation.model_validate_json('{"email": "a@b.example", "code": "x", "password": " horse "}')

    assert body.password.get_secret_value() == " horse "
    assert "horse" not in repr(body)
