"""The report of one reconciliation (spec/3 E): every action lands in exactly one counter, plus what was observed."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from recovery.organisation import Ref
from recovery.stranded.decision import (
    Action,
    BlockInPlace,
    DispatchAssignment,
    Escalate,
    RequeueContinuation,
    RequeueDispatch,
    Skip,
    SkipReason,
)

_COUNTER_OF = {
    DispatchAssignment: "assignment_dispatched",
    RequeueDispatch: "dispatch_requeued",
    RequeueContinuation: "continuation_requeued",
    Escalate: "escalated",
    BlockInPlace: "escalated",
}
_OBSERVED: dict[str, str] = {
    SkipReason.PRODUCTIVE_CONTINUATION: "productive_continuation_observed",
    SkipReason.SUCCESSFUL_CONTINUATION: "successful_continuation_observed",
}


def counter_of(action: Action) -> str:
    """The counter that a carried-out action lands in. Raises KeyError for a skip."""
    return _COUNTER_OF[type(action)]


@dataclass(frozen=True)
class StrandedReport:
    """Counts and the issues that were acted on, in order. A report is a value: each verb returns the next one."""

    assignment_dispatched: int = 0
    dispatch_requeued: int = 0
    continuation_requeued: int = 0
    productive_continuation_observed: int = 0
    successful_continuation_observed: int = 0
    orphan_blockers_assigned: int = 0
    escalated: int = 0
    skipped: int = 0
    errors: int = 0
    issue_ids: tuple[Ref, ...] = ()

    def counting(self, issue_id: Ref, action: Action) -> StrandedReport:
        """With one more carried-out action. What is no candidate is not counted at all."""
        if not isinstance(action, Skip):
            return self._plus(_COUNTER_OF[type(action)])._naming(issue_id)
        if action.reason is SkipReason.NOT_A_CANDIDATE:
            return self
        observed = _OBSERVED.get(action.reason)
        return self._plus("skipped") if observed is None else self._plus("skipped")._plus(observed)

    def observing(self, place: str, count: int) -> StrandedReport:
        """With so many more issues that need nothing, because of `place` (a skip reason)."""
        report = replace(self, skipped=self.skipped + count)
        observed = _OBSERVED.get(place)
        return report if observed is None else replace(report, **{observed: getattr(report, observed) + count})

    def counting_orphan_blocker(self, issue_id: Ref) -> StrandedReport:
        """With one more blocker that went back to its creator (G)."""
        return self._plus("orphan_blockers_assigned")._naming(issue_id)

    def counting_error(self) -> StrandedReport:
        """With one more issue that raised; the sweep goes on."""
        return self._plus("errors")

    def as_dict(self) -> dict[str, object]:
        """Plain values for the sweep's row and the API."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "issue_ids": [str(issue_id) for issue_id in self.issue_ids]}

    def _plus(self, counter: str) -> StrandedReport:
        return replace(self, **{counter: getattr(self, counter) + 1})

    def _naming(self, issue_id: Ref) -> StrandedReport:
        return self if issue_id in self.issue_ids else replace(self, issue_ids=(*self.issue_ids, issue_id))
