"""What the pages read: one module per section, a constant number of statements each, scoped to one company."""
