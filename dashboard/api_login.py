"""Name and password for a token, and the token given back."""

from typing import Any

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from knox.views import LoginView, LogoutView
from rest_framework import exceptions, permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response


class PasswordSerializer(serializers.Serializer[Any]):
    """Who wants a token."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=500, trim_whitespace=False, write_only=True)


class TokenSerializer(serializers.Serializer[Any]):
    """Send it as `Authorization: Token …`. It is shown once; we keep only its hash."""

    token = serializers.CharField()
    expiry = serializers.DateTimeField()


class TokenLogin(LoginView):  # type: ignore[misc]  # knox has no types
    """A token for name and password; failures are counted and throttled with those of the pages."""

    permission_classes = [permissions.AllowAny]
    authentication_classes: list[type] = []

    @extend_schema(operation_id="login", request=PasswordSerializer, responses=TokenSerializer, auth=[])
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Log in. The token is shown this once."""
        asked = PasswordSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        # The plain request: the lock-out after too many failures is noted on it.
        user = authenticate(request._request, **asked.validated_data)  # noqa: SLF001
        if user is None:
            raise exceptions.PermissionDenied("unknown name or wrong password, or too many attempts")
        request.user = user
        response: Response = super().post(request, format)
        return response


class TokenLogout(LogoutView):  # type: ignore[misc]  # knox has no types
    """The token that made this request ends."""

    @extend_schema(operation_id="logout", request=None, responses={204: None})
    def post(self, request: Request, format: str | None = None) -> Response:  # noqa: A002
        """Log out: this token is of no use any more."""
        response: Response = super().post(request, format)
        return response
