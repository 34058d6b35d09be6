"""The pages and their parts, as htmx fetches them again."""
