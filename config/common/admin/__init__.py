"""What every admin page shares: read-only by default, cells that read well, and actions that ask first."""
