"""Rings the relay's doorbell once per transaction that wrote live events. NOTIFY is delivered on commit only."""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE FUNCTION everbeat_ring_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('everbeat_live', '');
    RETURN NULL;
END $$;
CREATE TRIGGER everbeat_ring_live AFTER INSERT ON agents_liveevent
    FOR EACH STATEMENT EXECUTE FUNCTION everbeat_ring_live();
"""
BACKWARD = """
DROP TRIGGER everbeat_ring_live ON agents_liveevent;
DROP FUNCTION everbeat_ring_live();
"""


class Migration(migrations.Migration):
    dependencies = [("agents", "0002_journal_and_errors")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
