"""The HTTP edge of recovery."""
