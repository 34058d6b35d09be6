"""Sample pages of a run, an issue, an agent and recovery. See board_samples for the clock and the cast."""

from __future__ import annotations

from datetime import timedelta

from heartbeats.board import view_models as vm
from heartbeats.board.agent_page import AgentPage, ErrorGroupRow, PresenceRow, WakeupRow
from heartbeats.board.issue_page import ActivityEntry, BlockerNode, CommentEntry, IssuePage
from heartbeats.board.page_parts import Explain, Fact, FactGroup, Reason, RunLine
from heartbeats.board.recovery_page import OutcomeCount, RecoveryPage, SweepRow
from heartbeats.board.run_page import LineageNode, LogSource, RunHead, RunPage, TimelineStep
from tests.heartbeats.board.board_samples import NOW, agent, ago, hours, issue, needs, running, uid

RUN = uid(102)


def run_page(*, growing: bool = True, log_size: int = 0, first_error: int | None = None) -> RunPage:
    """A second attempt, quiet for a while."""
    row = running().rows[2]
    head = RunHead(
        RUN,
        "running" if growing else "failed",
        row.agent,
        ago(minutes=16),
        row.issue,
        started_at=row.started_at,
        finished_at=None if growing else ago(minutes=1),
        duration_seconds=None if growing else 874.2,
        outcome="" if growing else "The command ended with exit code 1.",
        error_code="" if growing else "adapter_failed",
        attempt=2,
        silence=row if growing else None,
        actions=(
            vm.Action("Cancel run", "/cancel", "post", "danger", "Cancel this run? Its process group is terminated."),
        ),
    )
    log = LogSource(RUN, f"/api/heartbeat-runs/{RUN}/log", "/download", log_size, growing, first_error)
    return RunPage(head, timeline(growing), explain_run(), log, run_facts(), lineage())


def timeline(growing: bool) -> tuple[TimelineStep, ...]:
    """From the wakeup to what is still to come."""
    step = TimelineStep
    done = () if growing else (step("exit", "Exited", ago(minutes=1), "bad", "Exit code 1", 640.0),)
    return (
        step("requested", "Wakeup requested", ago(minutes=16), "neutral", "process lost, retry of 9f31c2aa"),
        step("coalesced", "One more request merged", ago(minutes=15, seconds=58), "neutral", "assignment", 2.0),
        step("queued", "Queued", ago(minutes=15, seconds=57.96), "neutral", "", 0.04),
        step("claimed", "Claimed", ago(minutes=15, seconds=57.92), "live", "worker-1.eu-north, epoch 2", 0.04),
        step("started", "Process started", ago(minutes=15, seconds=57.9), "live", "pid 48211", 0.02),
        step("first", "First output", ago(minutes=15, seconds=57.2), "ok", "", 0.7),
        step("last", "Last output", ago(seconds=760), "warn", "No line since", 187.0),
        *done,
        step("final", "Finalised"),
        step("after", "Follow-up"),
    )


def explain_run() -> Explain:
    """Why the run is quiet."""
    reason = Reason
    return Explain(
        "The agent works, but has said nothing for 12 minutes.",
        "warn",
        (
            reason("Process 48211 is alive on worker-1.eu-north and is the one that was started.", "ok"),
            reason("The lease was renewed 4 seconds ago.", "ok"),
            reason("The last output is older than 10 minutes.", "warn"),
        ),
        "If it stays silent, an evaluation issue is opened at",
        NOW + timedelta(minutes=47),
    )


def lineage() -> tuple[LineageNode, ...]:
    """Three attempts."""
    node = LineageNode
    return (
        node(uid(76), "failed", "", ago(minutes=48), 0),
        node(uid(77), "failed", "transient failure", ago(minutes=31), 1),
        node(RUN, "running", "process lost", ago(minutes=16), 2, current=True),
    )


def run_facts() -> tuple[FactGroup, ...]:
    """What the run was given and what it used."""
    fact, group = Fact, FactGroup
    return (
        group(
            "Usage and cost",
            (
                fact("Input tokens", "184,220"),
                fact("Output tokens", "12,904"),
                fact("Cost", "$1.42"),
                fact("Model", "large-2", "mono"),
            ),
        ),
        group(
            "Context",
            (
                fact("Wake reason", "process_lost_retry", "mono"),
                fact("Workspace", "/srv/agents/ada/workspaces/ABC-42-rename-acct-to-account", "mono"),
                fact("Context", '{\n  "issueId": "ABC-42",\n  "wakeReason": "process_lost_retry"\n}', "json"),
            ),
        ),
        group(
            "Session",
            (fact("Before", str(uid(300)), "id"), fact("After", "–"), fact("Saved", at=ago(minutes=31))),
        ),
    )


def lines(count: int) -> tuple[RunLine, ...]:
    """Runs of an issue, newest first."""
    states = ("running", "failed", "succeeded", "timed_out")
    return tuple(
        RunLine(
            uid(400 + n), states[n % 4], ago(minutes=9 + 31 * n), agent(n), None, 40.0 * n or None, "assignment", ""
        )
        for n in range(count)
    )


def issue_page() -> IssuePage:
    """A blocked issue."""
    node = BlockerNode
    comment = CommentEntry
    return IssuePage(
        issue(41, "blocked"),
        "blocked",
        "high",
        Explain(
            "It waits for two issues, and one of them stands still.",
            "warn",
            (
                Reason("ABC-12 is in progress and has a live run.", "ok"),
                Reason("ABC-19 is in the backlog; nothing moves it.", "bad"),
            ),
            "Assign ABC-19, or remove it as a blocker.",
        ),
        agent(4),
        description="Move to version 4.\n\n- keep the old idempotency keys\n- no change of the public API",
        created_at=ago(days=2),
        project="Payments",
        actions=(
            vm.Action("Wake agent", "/wake", "post", "primary"),
            vm.Action("Cancel issue", "/cancel", "post", "danger", "Cancel ABC-41? Its live run is cancelled too."),
        ),
        blocked_by=(
            node(issue(12), 1, "Bruno", "running", "live"),
            node(issue(33, "todo"), 2, "Grace"),
            node(issue(19, "backlog"), 1, "nobody", "nothing moves it", "bad"),
        ),
        blocks=(node(issue(90, "todo"), 1, "Release captain"),),
        runs=lines(5),
        comments=(
            comment(
                uid(501), "Élodie, revue de code", ago(hours=3), "Version 4 drops `capture_later`.", True, uid(400)
            ),
            comment(uid(502), "operator", ago(hours=2), "Do it in two steps, please.\nFirst the reads."),
        ),
        activity=(
            ActivityEntry(uid(511), ago(hours=1), "Everbeat", "set it to blocked by ABC-12 and ABC-19"),
            ActivityEntry(uid(512), ago(hours=3), "Élodie, revue de code", "commented", uid(400)),
            ActivityEntry(uid(513), ago(days=2), "operator", "created it and assigned it to Élodie, revue de code"),
        ),
        comment_url="/comment",
    )


def agent_page() -> AgentPage:
    """An agent with errors and skipped wakeups."""
    group, wake = ErrorGroupRow, WakeupRow
    return AgentPage(
        agent(0),
        "running",
        ago(minutes=15),
        Explain("It works on two issues and has room for one more.", "live"),
        "claude_local",
        2,
        3,
        1,
        (
            vm.Action("Wake", "/wake"),
            vm.Action("Pause", "/pause", "post", "danger", "Pause Ada? Two runs are cancelled."),
        ),
        running().rows[2:4],
        hours(4),
        (
            group(uid(601), "error", "Command not found: <path>", 14, ago(hours=2), ago(minutes=12), "open", uid(51)),
            group(uid(602), "warning", "Rate limited, waited <n> s", 3, ago(days=1), ago(hours=5), "acknowledged"),
        ),
        (
            wake(uid(611), "skipped", ago(minutes=8), "a timer", "Wakeups by timer are off for this agent."),
            wake(uid(612), "coalesced", ago(minutes=16), "operator", "A queued run for it existed.", issue(42)),
        ),
        lines(6),
        (PresenceRow(ago(minutes=15), "running"), PresenceRow(ago(hours=2), "error", "5 failures in a row")),
        (
            FactGroup("Budget", (Fact("This month", "$112.40 of $200.00"),)),
            FactGroup("Keys", (Fact("Key", str(uid(700)), "id"), Fact("Last used", at=ago(minutes=1)))),
        ),
    )


def _quiet_run() -> vm.NeedsRow:
    """One that has said nothing for an hour."""
    return vm.NeedsRow(
        str(uid(104)),
        "silent_run",
        "Support first line has said nothing for 1 h 3 m",
        ago(minutes=63),
        ("It runs on worker-2.",),
        vm.Action("Snooze 30 m", "/x"),
        issue(9),
        agent(20),
        uid(104),
    )


def recovery_page() -> RecoveryPage:
    """Six sweeps: one late, one failed."""
    count, sweep = OutcomeCount, SweepRow
    again = vm.Action("Run now", "/run")
    return RecoveryPage(
        (
            sweep(
                "reap",
                "Reap orphans",
                "Finds runs whose process is gone.",
                30,
                ago(seconds=12),
                0.08,
                8,
                (count("reaped", 0), count("adopted", 1, "ok")),
                actions=(again,),
            ),
            sweep(
                "promote",
                "Promote retries",
                "Queues retries that are due.",
                15,
                ago(seconds=3),
                0.01,
                2,
                (count("promoted", 1, "live"),),
                actions=(again,),
            ),
            sweep(
                "dispatch",
                "Dispatch",
                "Rings for queued runs again.",
                15,
                ago(seconds=9),
                0.02,
                12,
                (count("rung", 12, "live"),),
                actions=(again,),
            ),
            sweep(
                "stranded",
                "Reconcile stranded issues",
                "Gives every open issue of an agent a next step.",
                60,
                ago(seconds=31),
                0.4,
                214,
                (count("continued", 2, "live"), count("escalated", 1, "bad"), count("resting", 31)),
                actions=(again,),
            ),
            sweep(
                "silence",
                "Scan silent runs",
                "Opens a review for runs that went silent.",
                300,
                ago(minutes=11),
                0.2,
                8,
                (count("opened", 1, "warn"),),
                late=True,
                actions=(again,),
            ),
            sweep(
                "graph",
                "Check the issue graph",
                "Looks for chains that nothing moves.",
                600,
                ago(minutes=4),
                10.0,
                0,
                error="The database cancelled a statement after 10 s.",
                actions=(again,),
            ),
        ),
        stranded=needs().rows[:1],
        asked=needs().rows[3:4],
        silent=(_quiet_run(),),
        actions=(vm.Action("Run every sweep", "/run-all", "post", "primary"),),
    )
