"""Runs and wakeups in any state, with the columns that the state demands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import factory
from django.utils import timezone

from heartbeats.models import EnvironmentLease, HeartbeatRun, RuntimeState, TaskSession, WakeupRequest
from heartbeats.vocabulary import RunStatus, TriggerDetail, WakeupSource, WakeupStatus
from issues.models import Issue
from tests.factories.agents import AgentFactory

HOST, BOOT = "host-a", "boot-1"


class WakeupRequestFactory(factory.django.DjangoModelFactory[WakeupRequest]):
    """A queued request."""

    class Meta:
        model = WakeupRequest

    agent = factory.SubFactory(AgentFactory)
    company = factory.SelfAttribute("agent.company")
    source = WakeupSource.ASSIGNMENT
    trigger_detail = TriggerDetail.SYSTEM
    reason = "issue_assigned"
    status = WakeupStatus.QUEUED
    requested_at = factory.LazyFunction(timezone.now)


class HeartbeatRunFactory(factory.django.DjangoModelFactory[HeartbeatRun]):
    """A queued run without issue. `running_run`, `finished_run` and `parked_retry` make the other states."""

    class Meta:
        model = HeartbeatRun
        skip_postgeneration_save = True

    agent = factory.SubFactory(AgentFactory)
    company = factory.SelfAttribute("agent.company")
    adapter_type = factory.SelfAttribute("agent.adapter_type")
    invocation_source = WakeupSource.ASSIGNMENT
    trigger_detail = TriggerDetail.SYSTEM
    wake_reason = "issue_assigned"
    status = RunStatus.QUEUED

    @factory.lazy_attribute
    def wakeup(self) -> WakeupRequest:
        """The request behind the run, in the status that goes with it."""
        return WakeupRequestFactory(
            agent=self.agent,
            issue=getattr(self, "issue", None),
            status=_wakeup_status(self.status),
            reason=self.wake_reason,
        )

    @factory.lazy_attribute
    def context(self) -> dict[str, Any]:
        """What an assignment hands over."""
        issue: Issue | None = getattr(self, "issue", None)
        named = {"issueId": str(issue.pk), "taskId": str(issue.pk), "taskKey": str(issue.pk)} if issue else {}
        return {
            **named,
            "wakeReason": self.wake_reason,
            "wakeSource": str(self.invocation_source),
            "wakeTriggerDetail": str(self.trigger_detail),
        }

    @factory.lazy_attribute
    def task_key(self) -> str | None:
        """The issue's id, as for a wake about it."""
        issue: Issue | None = getattr(self, "issue", None)
        return str(issue.pk) if issue else None

    @factory.post_generation
    def _name_run(self: HeartbeatRun, *_given: Any, **_options: Any) -> None:
        if self.wakeup_id:
            WakeupRequest.objects.filter(pk=self.wakeup_id, run=None).update(run_id=self.pk)


class TaskSessionFactory(factory.django.DjangoModelFactory[TaskSession]):
    """A saved session of a task."""

    class Meta:
        model = TaskSession

    agent = factory.SubFactory(AgentFactory)
    company = factory.SelfAttribute("agent.company")
    adapter_type = factory.SelfAttribute("agent.adapter_type")
    task_key = "task"
    session_params = factory.LazyFunction(lambda: {"sessionId": "session-1"})
    session_display_id = "session-1"


class RuntimeStateFactory(factory.django.DjangoModelFactory[RuntimeState]):
    """An agent's totals, all zero."""

    class Meta:
        model = RuntimeState

    agent = factory.SubFactory(AgentFactory)
    company = factory.SelfAttribute("agent.company")
    adapter_type = factory.SelfAttribute("agent.adapter_type")


class EnvironmentLeaseFactory(factory.django.DjangoModelFactory[EnvironmentLease]):
    """A run's hold on its environment."""

    class Meta:
        model = EnvironmentLease

    run = factory.SubFactory(HeartbeatRunFactory)
    company = factory.SelfAttribute("run.company")
    acquired_at = factory.LazyFunction(timezone.now)


def running_run(**columns: Any) -> HeartbeatRun:
    """A run that `host-a` executes under epoch 1, its lease good for a minute."""
    now = timezone.now()
    defaults = {
        "status": RunStatus.RUNNING,
        "epoch": 1,
        "claimed_at": now,
        "started_at": now,
        "executor_host": HOST,
        "executor_boot_id": BOOT,
        "lease_expires_at": now + timedelta(seconds=60),
    }
    run: HeartbeatRun = HeartbeatRunFactory(**{**defaults, **columns})
    return run


def finished_run(status: RunStatus = RunStatus.SUCCEEDED, **columns: Any) -> HeartbeatRun:
    """A run that is over."""
    now = timezone.now()
    run: HeartbeatRun = HeartbeatRunFactory(**{"status": status, "epoch": 1, "finished_at": now, **columns})
    return run


def parked_retry(**columns: Any) -> HeartbeatRun:
    """A bounded retry that waits for its time, two minutes from now."""
    defaults = {
        "status": RunStatus.SCHEDULED_RETRY,
        "scheduled_retry_at": timezone.now() + timedelta(minutes=2),
        "scheduled_retry_attempt": 1,
        "retry_reason": "transient_failure",
    }
    run: HeartbeatRun = HeartbeatRunFactory(**{**defaults, **columns})
    return run


def _wakeup_status(run_status: str) -> WakeupStatus:
    by_run = {
        RunStatus.RUNNING: WakeupStatus.CLAIMED,
        RunStatus.SUCCEEDED: WakeupStatus.COMPLETED,
        RunStatus.FAILED: WakeupStatus.FAILED,
        RunStatus.CANCELLED: WakeupStatus.CANCELLED,
        RunStatus.TIMED_OUT: WakeupStatus.TIMED_OUT,
    }
    return by_run.get(RunStatus(run_status), WakeupStatus.QUEUED)
