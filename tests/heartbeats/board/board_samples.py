"""A busy afternoon as view models: 30 agents, 8 running, stuck things, long titles, unicode. The clock stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from heartbeats.board import view_models as vm

NOW = datetime(2026, 11, 21, 14, 32, 5, tzinfo=UTC)
DRAW = Random(7)
NAMES = (
    "Ada the backend engineer",
    "Bruno",
    "Chief of staff",
    "Dmitri (infrastructure)",
    "Élodie, revue de code",
    "Fixture gardener",
    "Grace",
    "Hiroshi 品質保証",
    "Integrations",
    "João",
    "Kernel triage",
    "Localisation agent for the nordic markets",
    "Migrations",
    "Nightly",
    "Observability",
    "Performance",
    "QA west",
    "QA east",
    "Release captain",
    "Security review",
    "Support first line",
    "Test flake hunter",
    "Upgrade bot",
    "Vera",
    "Writer",
    "Xavier",
    "Yara",
    "Zoë",
    "Data steward",
    "Billing watcher",
)
TITLES = (
    "Fix the flaky checkout test on slow disks",
    "Upgrade the payment client to version 4 and remove the compatibility shim that nobody has needed since the spring",
    "Przenieś zadania nocne na nową kolejkę",
    "決済ページの多言語対応を完了する",
    "Write the post-mortem for Tuesday",
    "Cache the plan lookup",
    "Rename `acct` to `account` in the public API without breaking the three oldest clients",
    "Investigate p95 latency of /search",
    "Delete stale preview environments",
    "Replace home-grown retry loop",
)


def uid(number: int) -> UUID:
    """A stable identifier that looks time-ordered."""
    return UUID(int=(0x0199_0000_0000_7000_8000 << 48) | (number * 2_654_435_761 % (1 << 48)))


def ago(**parts: float) -> datetime:
    """A moment before NOW."""
    return NOW - timedelta(**parts)


def agent(index: int) -> vm.AgentRef:
    """The agent of that place in NAMES."""
    return vm.AgentRef(uid(index % len(NAMES)), NAMES[index % len(NAMES)])


def issue(number: int, status: str = "in_progress") -> vm.IssueRef:
    """An issue of the demo company."""
    return vm.IssueRef(f"ABC-{number}", TITLES[number % len(TITLES)], status)


def shell() -> vm.Shell:
    """What surrounds the pages; nobody answers at its live origin unless a test listens there."""
    return vm.Shell(uid(900), "Northwind Robotics", "operator", "", 41)


def status_ok() -> vm.StatusStrip:
    """A good day."""
    return vm.StatusStrip("ok", "Healthy", "", facts("on time"))


def status_late() -> vm.StatusStrip:
    """A sweep is late and the queue grows."""
    why = "The silence sweep has not run for 11 minutes; it should run every 5."
    return vm.StatusStrip("warn", "One sweep is late", why, facts("6 of 7 on time"))


def facts(sweeps: str) -> tuple[vm.HealthFact, ...]:
    """The parts of the strip."""
    return (
        vm.HealthFact("database", "Database", "2 ms"),
        vm.HealthFact("broker", "Broker", "1 ms"),
        vm.HealthFact("beat", "Beat", "", at=ago(seconds=4)),
        vm.HealthFact("workers", "Workers", "4 on 2 hosts"),
        vm.HealthFact("queue", "Queue", "12, oldest 8 s"),
        vm.HealthFact("sweeps", "Sweeps", sweeps, "ok" if sweeps == "on time" else "warn"),
    )


def needs() -> vm.NeedsSection:
    """Five things that only a person can move."""
    act = vm.Action
    rows = (
        vm.NeedsRow(
            "1",
            "stranded",
            "Its continuation was retried once and failed again; nobody is invokable to recover it",
            ago(hours=2, minutes=4),
            ("The owner is paused", "Its manager has no budget left this month", "No CTO or CEO agent exists"),
            act("Assign", "/x", "get", "primary"),
            issue(1),
            agent(3),
            uid(51),
        ),
        vm.NeedsRow(
            "2",
            "silent",
            "Run has said nothing for 4 h 12 m and still holds the issue",
            ago(hours=4, minutes=12),
            ("Process 48211 is alive on worker-2", "Its last line was “waiting for lock”"),
            act("Review run", "/x", "get", "plain"),
            issue(7),
            agent(6),
            uid(103),
        ),
        vm.NeedsRow(
            "3",
            "budget_stop",
            "Support first line reached its monthly budget of $200.00; 3 wakeups were refused",
            ago(minutes=48),
            ("Observed $200.14 of $200.00 in November", "Hard stop is on"),
            act("Raise budget", "/x", "get", "plain"),
            None,
            agent(20),
        ),
        vm.NeedsRow(
            "4",
            "approval",
            "Release captain asks to publish 2.14.0 to production",
            ago(minutes=21),
            ("The execution policy of this issue requires an approval before publishing",),
            act("Decide", "/x", "get", "primary"),
            issue(18),
            agent(18),
        ),
        vm.NeedsRow(
            "5",
            "error_group",
            "ModuleNotFoundError: No module named “payments.v4”, 14 times from Upgrade bot",
            ago(minutes=12),
            ("First seen 40 minutes ago, after the deployment of 13:50",),
            act("Acknowledge", "/x", "post", "plain", "Acknowledge this error group? It reopens if it happens again."),
            None,
            agent(22),
        ),
    )
    return vm.NeedsSection(rows, len(rows))


def running() -> vm.RunningSection:
    """Eight runs: one critical, one suspicious, one quiet, one that has not spoken, one retry, one detached."""
    silences = (15_120, 4_020, 760, 41, 2, 9, 0, 3)
    rows = tuple(
        vm.RunningRow(
            uid(100 + index),
            agent(index * 3),
            ago(seconds=silent + 95 * (index + 1)),
            ago(seconds=silent),
            issue(40 + index) if index != 6 else None,
            "Scheduled check of the nightly queue" if index == 6 else "",
            has_output=index != 3,
            attempt=2 if index == 2 else 1,
            retry_of=uid(77) if index == 2 else None,
            retry_reason="process lost" if index == 2 else "",
            host=f"worker-{index % 2 + 1}.eu-north",
            lease_expires_at=NOW + timedelta(seconds=44 - index),
            detached=index == 5,
        )
        for index, silent in enumerate(silences)
    )
    return vm.RunningSection(rows, len(rows))


def waiting() -> vm.WaitingSection:
    """One of every kind."""
    row = vm.WaitingRow
    due = NOW + timedelta(minutes=8)
    rows = (
        row("q1", "queued", ago(seconds=14), "Waits for a free slot of Grace, 2 of 2 in use", agent(6), issue(60)),
        row(
            "r1",
            "scheduled_retry",
            ago(minutes=2),
            "Retries at",
            agent(1),
            issue(61),
            due_at=due,
            tail=", attempt 2 of 4, after an upstream outage",
        ),
        row("b1", "blocked", ago(hours=3), "Blocked by", agent(4), issue(62), refs=(issue(12), issue(19))),
        row("h1", "held", ago(days=1, hours=2), "Held by the pause on", agent(9), issue(63), refs=(issue(3),)),
        row(
            "d1", "deferred", ago(minutes=1), "Deferred behind the live run on", agent(11), issue(47), refs=(issue(47),)
        ),
        row("p1", "parked", ago(minutes=31), "Parked: its agent is paused", agent(8), None, "Timer wakeup"),
    )
    return vm.WaitingSection(rows, 17, "/waiting")


def finished() -> vm.FinishedSection:
    """Eight endings."""
    endings = (
        ("succeeded", "", ""),
        ("succeeded", "", "woke Release captain"),
        ("failed", "exit 1", "retries in 8 m"),
        ("succeeded", "", ""),
        ("timed_out", "after 30 m", "escalated"),
        ("cancelled", "by operator", ""),
        ("succeeded", "", ""),
        ("failed", "process lost", "retried at once"),
    )
    rows = tuple(
        vm.FinishedRow(
            uid(200 + index),
            agent(index * 5 + 1),
            status,
            ago(seconds=30 + 47 * index * index),
            3.4 + 71.3 * index,
            issue(70 + index) if index != 3 else None,
            "Heartbeat on a timer" if index == 3 else "",
            note,
            followup,
        )
        for index, (status, note, followup) in enumerate(endings)
    )
    return vm.FinishedSection(rows, 412, "/runs")


def hours(index: int) -> tuple[vm.HourCount, ...]:
    """24 hours that resemble a working day; some agents fail now and then, one has none."""
    if index == 13:
        return tuple(vm.HourCount(0) for _ in range(24))
    busy = [max(0, int(DRAW.gauss(7 if 8 < hour < 20 else 1, 2.5))) for hour in range(24)]
    return tuple(vm.HourCount(runs, min(runs, int(DRAW.random() < 0.12) * (1 + index % 3))) for runs in busy)


def agents() -> vm.AgentsSection:
    """Thirty agents: two in trouble, eight working, the rest idle or resting."""
    states = ["error", "paused", *["running"] * 8, *["idle"] * 17, "pending_approval", "offline", "degraded"]
    notes = {0: "ModuleNotFoundError in the last 5 runs", 1: "Budget stop since 13:44", 27: "New, waits for approval"}
    rows = tuple(
        vm.AgentRow(
            agent((index * 7 + 22) % 30),
            state,
            running=int(state == "running") + int(index == 3),
            slots=1 + index % 5 if index != 3 else 2,
            hours=hours(index),
            note=notes.get(index, ""),
        )
        for index, state in enumerate(states)
    )
    return vm.AgentsSection(rows, len(rows), 8)


def board() -> vm.BoardPage:
    """The busy afternoon."""
    return vm.BoardPage(status_late(), needs(), running(), waiting(), finished(), agents())


def quiet_board() -> vm.BoardPage:
    """An empty company on a good day."""
    return vm.BoardPage(
        status_ok(),
        vm.NeedsSection(),
        vm.RunningSection(),
        vm.WaitingSection(),
        vm.FinishedSection(),
        vm.AgentsSection(),
    )
