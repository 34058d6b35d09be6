"""Where the admin's lists find the sockets."""

from __future__ import annotations

from typing import Any

from django import template

from config.board.live_origin import live_origin

register = template.Library()


@register.simple_tag(takes_context=True)
def live_address(context: dict[str, Any]) -> str:
    """The origin of the live process, as the browser reaches it."""
    return live_origin(context["request"])
