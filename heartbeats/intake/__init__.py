"""What agents tell us and ask for: heartbeats, errors, and the work of remote agents (spec/1)."""
