"""HTTP edges of issues: they parse, authorise and write down; rules live in the verbs."""
