"""Holding a tree of issues: pause and resume, cancel and restore (spec/4 section 6)."""
