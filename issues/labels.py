"""The labels of an issue."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from config.common.wire.errors import Unprocessable
from issues.models import Issue, Label


def set_labels(issue: Issue, label_ids: Sequence[UUID]) -> bool:
    """Replace the issue's labels; True when they changed. 422 for a label that the company does not have."""
    wanted = set(label_ids)
    known = Label.objects.filter(company_id=issue.company_id, id__in=wanted).count() if wanted else 0
    if known != len(wanted):
        raise Unprocessable("Labels must belong to the same company")
    through = Label.issues.through.objects
    present = set(through.filter(issue_id=issue.pk).values_list("label_id", flat=True))
    if wanted == present:
        return False
    through.filter(issue_id=issue.pk).exclude(label_id__in=wanted).delete()
    rows = [Label.issues.through(issue_id=issue.pk, label_id=label_id) for label_id in sorted(wanted - present)]
    through.bulk_create(rows, ignore_conflicts=True)
    return True
