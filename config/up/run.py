"""One `make up` from the first check to the last stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence

from config.env import BASE_DIR
from config.services import ServiceError, start_services
from config.services.keeping import kept_running
from config.up.errors import UpError
from config.up.output import Output
from config.up.plan import Plan, ProcessSpec
from config.up.probes import refuse_port_in_use
from config.up.supervisor import Child, Supervisor, Surroundings

READY_SECONDS = 60.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(plan: Plan, prepare: ProcessSpec, specs: Sequence[ProcessSpec], *, ready_within: float = READY_SECONDS) -> int:
    """Start everything and keep it running until Ctrl-C or SIGTERM.

    It is given up when the processes are not ready after `ready_within` seconds.

    The exit code: 0 after an orderly stop, 1 when something could not be started (the reason is on stderr).
    Whatever the way out, every process started here has ended, the servers last.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)  # until the loop listens, all of them interrupt
    try:
        refuse_port_in_use("EVERBEAT_PORT", plan.host, plan.port)
        refuse_port_in_use("EVERBEAT_LIVE_PORT", plan.host, plan.live_port)
        env = {**os.environ, **plan.environment}
        with servers_for(plan, env):
            asyncio.run(_supervise(plan, prepare, specs, env=env, ready_within=ready_within))
    except (ServiceError, UpError) as error:
        print(f"everbeat: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


@contextlib.contextmanager
def servers_for(plan: Plan, env: dict[str, str]) -> Iterator[None]:
    """Fill DATABASE_URL and REDIS_URL in: where `env` lacks one, embedded servers run until the end of the block.

    One that ends by itself meanwhile, for want of disk for example, is started again.
    """
    if env.get("DATABASE_URL") and env.get("REDIS_URL"):
        yield
        return
    with start_services(plan.state_dir) as services:
        services.fill_in(env)
        with kept_running(services, lambda line: print(f"everbeat: {line}", file=sys.stderr, flush=True)):
            try:
                yield
            finally:
                for number in STOP_SIGNALS:
                    signal.signal(number, signal.SIG_IGN)  # the servers stop last, within seconds, and undisturbed


async def _supervise(
    plan: Plan, prepare: ProcessSpec, specs: Sequence[ProcessSpec], *, env: dict[str, str], ready_within: float
) -> None:
    output = Output(sys.stdout, [prepare.name, *(spec.name for spec in specs)])
    around = Surroundings(BASE_DIR, env, output)
    supervisor = Supervisor(specs, around)
    supervisor.listen_to_signals()
    preparation = Child(prepare, around)
    await supervisor.run(preparation, lambda: announcement(plan, preparation.said), ready_within)


def announcement(plan: Plan, said: Iterable[str]) -> str:
    """What a person needs next, after what the preparation `said` (on an empty database: the new password)."""
    operator = plan.state_dir / "operator.env"
    shown = os.path.relpath(operator) if operator.is_relative_to(BASE_DIR) else str(operator)
    lines = [
        "",
        f"Everbeat is ready: {plan.url}",
        *(f"  {line}" for line in said),
        f"  log in:        the operator and the password are in {shown}",
        f"  command line:  . {shown}",
        "  stop:          Ctrl-C",
        "",
    ]
    return "\n".join(lines)
