"""The board: pages for people, wired from every app. View models and wording live in `heartbeats.board`."""
