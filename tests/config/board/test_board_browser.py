"""The whole way: a real browser, real servers, real sockets, a real database."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agents.errors import ReportedError
from agents.models import Agent, Company, User
from agents.vocabulary import ErrorSeverity, LiveEventType, Presence
from config.common.clock import utc_now, wire_time
from heartbeats.intake.heartbeat import HeartbeatReport, hear
from heartbeats.live.push import push_transient
from heartbeats.models import HeartbeatRun
from heartbeats.runs.lifecycle import Host, start_all
from heartbeats.vocabulary import RunStatus, TriggerDetail, WakeupSource
from heartbeats.wakeups.request import WakeupAsk, request_wakeup
from issues.models import Issue
from tests.config.board.real_servers import RealServers
from tests.factories.agents import AgentFactory, AgentKeyFactory, CompanyFactory, MemberFactory
from tests.factories.heartbeats import running_run
from tests.factories.issues import assigned_to

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIVE = "#live-state[data-state='live']"
ADMIN_LIVE = "#eb-live[data-state='live']"
PASSWORD = "correct horse battery"


@pytest.fixture
def person(servers: RealServers, company: Company) -> User:
    """A member with a password."""
    user: User = MemberFactory(company=company).user
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user


@pytest.fixture
def agent(company: Company) -> Agent:
    """Ada."""
    found: Agent = AgentFactory(company=company, name="Ada")
    return found


def sign_in(page: Page, servers: RealServers, user: User, path: str = "/") -> None:
    """Through the form, as a person does."""
    page.goto(servers.url + path)
    page.fill("input[name=username]", user.username)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(servers.url + path)


def elsewhere(act: Callable[[], object]) -> None:
    """In a thread without the browser driver's event loop."""
    thread = threading.Thread(target=act)
    thread.start()
    thread.join(10)


def wake(agent: Agent, issue: Issue) -> HeartbeatRun:
    """A real wakeup request; the queued run that came of it."""
    ask = WakeupAsk(
        agent_id=agent.pk,
        source=WakeupSource.ASSIGNMENT,
        trigger_detail=TriggerDetail.SYSTEM,
        reason="issue_assigned",
        payload={"issueId": str(issue.pk)},
    )
    outcome = request_wakeup(ask, now=utc_now())
    assert outcome.run_id is not None
    return HeartbeatRun.objects.get(pk=outcome.run_id)


def test_the_board_follows_a_run_without_a_reload(
    servers: RealServers, person: User, agent: Agent, open_page: Callable[..., Page]
) -> None:
    issue = assigned_to(agent, title="Fix the login")
    page = open_page()
    sign_in(page, servers, person)
    page.wait_for_selector(LIVE)
    page.evaluate("window.sameDocument = true")
    run = wake(agent, issue)
    page.locator("#board-waiting").get_by_text("Fix the login").wait_for()
    now = utc_now()
    start_all([run], Host("host-a", "boot", now + timedelta(seconds=60)), now=now)
    page.locator(f"#run-{run.pk}").wait_for()
    assert "host-a" in page.locator(f"#run-{run.pk}").inner_text()
    page.locator("#board-waiting").get_by_text("Fix the login").wait_for(state="detached")
    assert page.evaluate("window.sameDocument")


def _fails(agent: Agent, message: str) -> None:
    """A fatal error of the agent, with all that a heartbeat does about it."""
    token = AgentKeyFactory(agent=agent).token
    error = ReportedError(ErrorSeverity.FATAL, message)
    hear(token, HeartbeatReport(Presence.BUSY, error=error), now=utc_now())


def test_presence_and_errors_reach_the_board_without_a_reload(
    servers: RealServers, person: User, agent: Agent, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    sign_in(page, servers, person)
    page.wait_for_selector(LIVE)
    page.evaluate("window.sameDocument = true")
    _fails(agent, "The disk is gone")
    page.locator("#board-needs").get_by_text("The disk is gone").wait_for()
    page.locator("#board-agents").get_by_text("Error", exact=False).first.wait_for()
    assert page.evaluate("window.sameDocument")


def test_presence_and_errors_reach_the_admin_without_a_reload(
    servers: RealServers, person: User, agent: Agent, open_page: Callable[..., Page]
) -> None:
    User.objects.filter(pk=person.pk).update(is_staff=True)
    agents, groups = open_page(), open_page()
    sign_in(agents, servers, person)
    agents.goto(f"{servers.url}/admin/agents/agent/")
    session: Any = agents.context.cookies()  # read and set, cookies have two types
    groups.context.add_cookies(session)
    groups.goto(f"{servers.url}/admin/agents/errorgroup/")
    for page in (agents, groups):
        page.wait_for_selector(ADMIN_LIVE)
        page.evaluate("window.sameDocument = true")
    assert groups.locator("#result_list").count() == 0
    _fails(agent, "The disk is gone")
    groups.get_by_text("The disk is gone").wait_for()
    agents.get_by_text("1 fatal").wait_for()
    _fails(agent, "The fan is slow")
    groups.get_by_text("The fan is slow").wait_for()
    agents.get_by_text("2 fatal").wait_for()
    groups.locator("#result_list input.action-select").first.check()
    groups.get_by_text("1 of 2 selected").wait_for()
    groups.get_by_text("Live, rests while rows are selected").wait_for()
    assert agents.evaluate("window.sameDocument")
    assert groups.evaluate("window.sameDocument")


def test_without_sockets_the_admin_polls_and_says_so(
    servers: RealServers, person: User, open_page: Callable[..., Page]
) -> None:
    User.objects.filter(pk=person.pk).update(is_staff=True)
    page = open_page()
    page.route_web_socket(re.compile("/events/ws"), lambda socket: socket.close())
    sign_in(page, servers, person)
    page.goto(f"{servers.url}/admin/agents/agent/")
    page.get_by_text("Not live: refreshed every 10 s").wait_for()


def _write(log: Path, *lines: str) -> int:
    with log.open("a", encoding="utf-8") as file:
        for line in lines:
            record = {"ts": wire_time(utc_now()), "stream": "stdout", "chunk": line + "\n"}
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    return log.stat().st_size


def test_the_log_of_a_run_tails_live(
    servers: RealServers, person: User, agent: Agent, open_page: Callable[..., Page]
) -> None:
    run = running_run(agent=agent, issue=assigned_to(agent), log_store="file")
    log = servers.log_of(str(run.pk))
    HeartbeatRun.objects.filter(pk=run.pk).update(log_ref=str(run.pk), log_bytes=_write(log, "first words"))
    page = open_page()
    sign_in(page, servers, person, f"/runs/{run.pk}/")
    page.wait_for_selector(LIVE)
    page.get_by_text("first words").wait_for()
    size = _write(log, "second words")
    payload = {"runId": str(run.pk), "logBytes": size}
    elsewhere(lambda: push_transient(run.company_id, LiveEventType.RUN_LOG, payload, created_at=wire_time(utc_now())))
    page.get_by_text("second words").wait_for()


def test_a_run_is_cancelled_from_its_page(
    servers: RealServers, person: User, agent: Agent, open_page: Callable[..., Page]
) -> None:
    run = running_run(agent=agent, issue=assigned_to(agent))
    page = open_page()
    sign_in(page, servers, person, f"/runs/{run.pk}/")
    page.get_by_role("button", name="Cancel run").click()
    page.get_by_role("button", name="Do it").click()
    page.get_by_text("The run of Ada is cancelled.").wait_for()
    assert "Cancelled" in page.locator("#run-head").inner_text()
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED


def test_an_issue_is_created_assigned_and_wakes_its_agent(
    servers: RealServers, person: User, agent: Agent, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    sign_in(page, servers, person)
    page.get_by_role("link", name="New issue").click()
    page.fill("#id_title", "Write the release notes")
    page.select_option("#id_assignee", f"agent:{agent.pk}")
    page.get_by_role("button", name="Create issue").click()
    page.get_by_role("heading", name="Write the release notes").wait_for()
    run = HeartbeatRun.objects.get(agent=agent)
    assert run.status == RunStatus.QUEUED
    page.locator(f"#line-{run.pk}").wait_for()
    page.fill("#comment-body", "Mention the new board.")
    page.get_by_role("button", name="Add comment").click()
    page.locator(".comment").get_by_text("Mention the new board.").wait_for()


def test_the_signed_out_and_strangers_get_nothing(
    servers: RealServers, person: User, agent: Agent, open_page: Callable[..., Page]
) -> None:
    run = running_run(agent=agent, issue=assigned_to(agent, title="Secret plans"))
    page = open_page()
    page.goto(f"{servers.url}/runs/{run.pk}/")
    assert "/login/?next=/runs/" in page.url
    stranger: User = MemberFactory(company=CompanyFactory(name="Elsewhere")).user
    stranger.set_password(PASSWORD)
    stranger.save(update_fields=["password"])
    sign_in(page, servers, stranger)
    answer = page.goto(f"{servers.url}/runs/{run.pk}/")
    assert answer is not None
    assert answer.status == 404
    assert "Secret plans" not in page.content()
    assert page.evaluate(f"fetch('/api/heartbeat-runs/{run.pk}/log?offset=0').then(r => r.status)") in (403, 404)
    page.goto(servers.url)
    address = f"ws://localhost:{servers.live_port}/api/companies/{run.company_id}/events/ws"
    opened = page.evaluate(
        """address => new Promise(done => { const socket = new WebSocket(address);
           socket.onopen = () => done(true); socket.onclose = () => done(false); })""",
        address,
    )
    assert opened is False


def test_without_sockets_the_board_polls_and_says_so(
    servers: RealServers, person: User, agent: Agent, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.route_web_socket(re.compile("/events/ws"), lambda socket: socket.close())
    sign_in(page, servers, person)
    page.wait_for_selector("#live-state[data-state='polling']")
    assert page.locator("#live-state").inner_text() == "Polling every 5 s"
    run = running_run(agent=agent, issue=assigned_to(agent))
    page.locator(f"#run-{run.pk}").wait_for()


def test_signing_out_ends_it(servers: RealServers, person: User, agent: Agent, open_page: Callable[..., Page]) -> None:
    page = open_page()
    sign_in(page, servers, person)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()
    page.goto(servers.url)
    assert "/login/" in page.url
