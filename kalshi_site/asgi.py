"""HTTP to Django, /ws/live/ to the dashboard consumer."""

import os
import warnings
from typing import Any, cast

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalshi_site.settings")
# Static files: a whole file of bytes is read at once either way.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators", Warning)
django_application = get_asgi_application()  # loads the apps: consumers can be imported only after it

from dashboard.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(cast(Any, websocket_urlpatterns)))),
    }
)
