"""The HTTP edge of the WHO: no rules here, only reading, authorising and writing."""
