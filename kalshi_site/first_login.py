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

    @property
    def sentence(self) -> str:
        """One line for a terminal."""
        return f"First login: {self.name}   password: {self.password or '(the one in BOT_ADMIN_PASSWORD)'}"


def make() -> Login | None:
    """None when there is a user already; else `admin`, with BOT_ADMIN_PASSWORD or a random password."""
    users = get_user_model().objects
    given = os.environ.get("BOT_ADMIN_PASSWORD", "")
    os.environ["BOT_ADMIN_PASSWORD"] = ""  # no child of ours needs to know it; empty also hides the line of .env
    if users.exists():
        return None
    password = given or secrets.token_urlsafe(12)
    users.create_superuser(NAME, "", password)
    return Login(NAME, None if given else password)
