"""What the buttons do: each calls one verb of an app, says what came of it, and goes back to the page."""
