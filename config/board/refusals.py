"""Pages that say no, in a sentence."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.common.clock import utc_now


class Refusal(Exception):
    """A page that says no: its status, heading and sentence."""

    status = 404
    heading = "Not found"
    sentence = "There is nothing here, or it belongs to a company that you are no member of."


class NotThere(Refusal):
    """No such thing, or none of this person's companies has it: strangers learn nothing."""


class NotAllowed(Refusal):
    """Seen, but not to be changed."""

    status = 403
    heading = "You may only look"
    sentence = "Your place in this company is that of a viewer: it reads everything and changes nothing."


class NoCompany(Refusal):
    """Signed in, and a member of nothing."""

    status = 403
    heading = "No company yet"
    sentence = "You are a member of no company. Ask an owner to add you; then this page becomes your board."


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The page of a refusal, without what belongs to a company."""
    context = {"heading": refusal.heading, "sentence": refusal.sentence, "shell": None, "now": utc_now()}
    return render(request, "board/pages/message.html", context, status=refusal.status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - as Django calls it
    """The page for an address that leads nowhere."""
    return refused(request, NotThere())
