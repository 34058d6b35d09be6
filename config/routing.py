"""Socket addresses."""

from __future__ import annotations

from django.urls import re_path

from heartbeats.live.consumer import LiveConsumer

_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

websocket_urlpatterns = [
    re_path(rf"^api/companies/(?P<company_id>{_UUID})/events/ws/?$", LiveConsumer.as_asgi()),
]
