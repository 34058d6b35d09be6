"""What every button has in common: only people who may, back to the page afterwards, and a sentence about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from config.board.callers import Caller, board_page
from config.board.refusals import NotAllowed, NotThere
from config.common.wire.errors import Forbidden, NotFound, WireError

Deed = Callable[..., str]


def require_may_act(caller: Caller) -> None:
    """Raises NotAllowed for viewers."""
    if not caller.may_act:
        raise NotAllowed


def deed(act: Deed) -> Callable[..., HttpResponse]:
    """A POST: `act(request, caller, …)` does it and says so in one sentence; a verb's refusal becomes that sentence."""

    @require_POST
    @board_page
    @wraps(act)
    def answered(request: HttpRequest, caller: Caller, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        try:
            messages.success(request, act(request, caller, *args, **kwargs))
        except Forbidden as refusal:
            raise NotAllowed from refusal
        except NotFound as refusal:
            raise NotThere from refusal
        except WireError as refusal:
            messages.error(request, f"{refusal.text}.".replace("..", "."))
        return back(request)

    return answered


def back(request: HttpRequest) -> HttpResponseRedirect:
    """To the page that the button was on; to the board when `next` names no page of ours."""
    page = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(page if ours and page.startswith("/") else reverse("board"))
