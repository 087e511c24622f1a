# It runs where its packages are, in a virtual environment of its own; here nothing is known of them.
# mypy: ignore-errors
"""The peer: fastapi-users with sessions in MongoDB (its database strategy), on uvicorn.

`fastapi_users_process.py PORT MONGO DATABASE HASH PEOPLE PASSWORD`: HASH is `default` (what pwdlib takes by itself) or
`argon2id` (at the cost of identity).
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from beanie import PydanticObjectId, init_beanie
from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers
from fastapi_users.authentication import AuthenticationBackend, BearerTransport
from fastapi_users.authentication.strategy import DatabaseStrategy
from fastapi_users.password import PasswordHelper
from fastapi_users_db_beanie import BeanieBaseUserDocument, BeanieUserDatabase, ObjectIDIDMixin
from fastapi_users_db_beanie.access_token import BeanieAccessTokenDatabase, BeanieBaseAccessTokenDocument
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pymongo import AsyncMongoClient

PORT, MONGO, DATABASE, HASH, PEOPLE, PASSWORD = sys.argv[1:]
OWASP = PasswordHash([Argon2Hasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)])
passwords = PasswordHelper(OWASP if HASH == "argon2id" else None)


class User(BeanieBaseUserDocument):
    """Somebody with a password."""


class AccessToken(BeanieBaseAccessTokenDocument):
    """A session."""


class UserManager(ObjectIDIDMixin, BaseUserManager[User, PydanticObjectId]):
    """As it comes."""


async def manager() -> AsyncIterator[UserManager]:
    yield UserManager(BeanieUserDatabase(User), passwords)


async def tokens() -> AsyncIterator[BeanieAccessTokenDatabase]:
    yield BeanieAccessTokenDatabase(AccessToken)


def strategy(database: BeanieAccessTokenDatabase = Depends(tokens)) -> DatabaseStrategy:  # noqa: B008  # FastAPI's way
    return DatabaseStrategy(database, lifetime_seconds=3600)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    client = AsyncMongoClient(MONGO)
    await init_beanie(client[DATABASE], document_models=[User, AccessToken])
    hashed = passwords.hash(PASSWORD)
    await User.insert_many(
        User(email=f"user{number}@bench.example", hashed_password=hashed) for number in range(int(PEOPLE))
    )
    yield
    await client.close()


app = FastAPI(lifespan=lifespan)
backend = AuthenticationBackend("bench", BearerTransport("login"), strategy)
app.include_router(FastAPIUsers(manager, [backend]).get_auth_router(backend))
uvicorn.run(app, host="127.0.0.1", port=int(PORT), log_level="warning", access_log=False)
