"""Running agents: launching, watching and ending their processes. Import-free: the shim loads this package."""
