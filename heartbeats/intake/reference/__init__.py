"""A complete remote agent: what `manage.py remote_agent` runs, and how to write one's own. Knows no models."""
