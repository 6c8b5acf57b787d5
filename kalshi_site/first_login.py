"""The first login: made once, when nobody can sign in yet."""

import os
import secrets
from dataclasses import dataclass

from django.contrib.auth import get_user_model

NAME = "admin"


@dataclass(frozen=True)
class Login:
    """What to tell the person at the terminal; the password only if we invented it."""

    name: str
    password: str | None


def make() -> Login | None:
    """None when there is a user already; else `admin`, with BOT_ADMIN_PASSWORD or a random password."""
    users = get_user_model().objects
    given = os.environ.pop("BOT_ADMIN_PASSWORD", "")  # taken away: no child of ours needs to know it
    if users.exists():
        return None
    password = given or secrets.token_urlsafe(12)
    users.create_superuser(NAME, "", password)
    return Login(NAME, None if given else password)
