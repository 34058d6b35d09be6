"""Facts in words. Pure."""
