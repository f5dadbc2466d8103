"""The HTTP surface: `create_app(services)` gives the ASGI application."""

from berth.web.app import create_app
from berth.web.services import RelayDesk, Services

__all__ = ["RelayDesk", "Services", "create_app"]
