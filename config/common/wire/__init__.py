"""How requests and answers are written: names, times, text, errors, pages. Knows no models."""
