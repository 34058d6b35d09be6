"""What happens in a run's process before, and once more after, its command: folders by git, a session that is gone.

Git may take minutes, and a Celery task must not: so it runs here, under the shim, where the run's log, time limit,
cancellation and lease already are. Standard library only, no Django: it starts in a few milliseconds.
"""
