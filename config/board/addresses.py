"""Addresses outside of the board."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse


def admin_address(name: str, *args: object) -> str:
    """A page of the admin; its front page where that model is not registered."""
    try:
        return reverse(f"admin:{name}", args=args)
    except NoReverseMatch:
        return reverse("admin:index")
