"""PostgreSQL and Valkey from Python packages, under our own launcher: `start_services(state_dir)`."""

from __future__ import annotations

from config.services.errors import ServiceError
from config.services.launcher import Services, start_services
from config.services.server import Server
from config.services.throwaway import throwaway_services

__all__ = ["Server", "ServiceError", "Services", "start_services", "throwaway_services"]
