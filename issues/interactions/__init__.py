"""Questions in the thread of an issue that people answer."""
