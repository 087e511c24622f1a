"""Fields that several bodies share."""

from typing import Annotated

from pydantic import Field, SecretStr

from common.auth import Role
from identity.domain.members import LONGEST_SCOPE

Password = Annotated[
    SecretStr,
    # Longer than accepted, so that the plain words about the length come from the rule itself.
    Field(max_length=1000, json_schema_extra={"minLength": 6, "maxLength": 200}),
]
RevokeApiKeys = Annotated[
    bool, Field(description="Revoke my personal API keys as well, in all organisations")
]
Email = Annotated[str, Field(min_length=3, max_length=254, json_schema_extra={"format": "email"})]
Code = Annotated[SecretStr, Field(min_length=1, max_length=64)]
OrganisationRef = Annotated[str, Field(min_length=1, max_length=64, description="Id of an organisation")]
NAME_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
"""One line of text: control characters and line separators have no place in a name."""
Ref = Annotated[str, Field(min_length=1, max_length=64)]
Items = Annotated[
    tuple[Ref, ...] | None,
    Field(max_length=LONGEST_SCOPE, description="Items whose subtrees may be reached; null: all"),
]
Servers = Annotated[
    tuple[Ref, ...] | None,
    Field(max_length=LONGEST_SCOPE, description="Servers that may be reached; null: all"),
]
GivenRole = Annotated[Role, Field(strict=False, description="At most one's own")]
