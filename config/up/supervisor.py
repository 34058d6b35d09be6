"""Keep a set of processes running until told to stop: start, show their output, restart what ends, stop in order.

The processes are children in sessions of their own. They end with us, also when we are killed (`tie_to_parent`).
What a process detached on purpose, such as an agent's run with its shim, is in another session and is left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.services.tether import tie_to_parent
from config.up.errors import UpError
from config.up.output import LineReader, Output
from config.up.plan import ProcessSpec

DRAIN_SECONDS = 20.0
STEADY_SECONDS = 60.0  # a process that lived this long starts its next failure count at one
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
LAST_WORDS_SECONDS = 0.5
LINES_KEPT = 20
PROBE_EVERY = 0.2


@dataclass(frozen=True)
class Surroundings:
    """What all children share."""

    cwd: Path
    env: Mapping[str, str]
    output: Output


def pause_before_restart(failures: int) -> float:
    """Seconds to wait before a process that failed `failures` times in a row is started again."""
    return float(min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE))


class Child:
    """One supervised process over all its restarts."""

    def __init__(self, spec: ProcessSpec, around: Surroundings, *, stdin: int = asyncio.subprocess.DEVNULL) -> None:
        self.spec = spec
        self.around = around
        self.stdin = stdin
        self._cores: set[int] | None = None
        self.failures = 0
        self.said: deque[str] = deque(maxlen=LINES_KEPT)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: LineReader | None = None

    async def run_once(self) -> int:
        """Start the process, wait for its end and return its exit code (negative: the signal)."""
        write_end = await self._open_output()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.argv,
                cwd=self.around.cwd,
                env={**self.around.env, **self.spec.env},
                stdin=self.stdin,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
                preexec_fn=tie_to_parent(signal.SIGTERM),
            )
        finally:
            os.close(write_end)
        self._settle_on_cores()
        code = await self._process.wait()
        self._signal_group(signal.SIGKILL)  # workers that a killed parent left behind would keep its port
        await self._hear_last_words()
        return code

    async def keep_running(self) -> None:
        """Run the process again and again, with growing pauses while it keeps failing. Ends by cancellation."""
        while True:
            started = time.monotonic()
            code = await self.run_once()
            self.failures = 1 if time.monotonic() - started > STEADY_SECONDS else self.failures + 1
            pause = pause_before_restart(self.failures)
            self.around.output.line(self.spec.name, f"ended ({_in_words(code)}); starts again in {pause:g} s")
            await asyncio.sleep(pause)

    async def stop(self, hurry: asyncio.Event) -> None:
        """TERM, wait up to DRAIN_SECONDS or until `hurry` is set, KILL. Returns when the process is gone."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        waiting: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(self._process.wait()),
            asyncio.ensure_future(hurry.wait()),
        ]
        await asyncio.wait(waiting, timeout=DRAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        waiting[1].cancel()
        self._signal_group(signal.SIGKILL)
        await waiting[0]
        await self._hear_last_words()

    def use_cores(self, cores: set[int]) -> None:
        """Run on these cores only, from now on."""
        self._cores = cores
        self._settle_on_cores()

    def _settle_on_cores(self) -> None:
        if self._cores is not None and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(self._process.pid, self._cores)

    async def _open_output(self) -> int:
        """The writing end of a pipe whose lines go to the terminal."""
        read_end, write_end = os.pipe()
        self._reader = reader = LineReader(self._hear)
        await asyncio.get_running_loop().connect_read_pipe(lambda: reader, os.fdopen(read_end, "rb"))
        return write_end

    def _hear(self, line: str) -> None:
        self.said.append(line)
        self.around.output.line(self.spec.name, line)

    async def _hear_last_words(self) -> None:
        """Read what is still in the pipe. Something that the process detached may hold it open: do not wait long."""
        assert self._reader is not None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._reader.closed.wait(), LAST_WORDS_SECONDS)

    def _signal_group(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


class Supervisor:
    """All children, and the two wishes that a person can utter: stop, and stop now."""

    def __init__(self, specs: Sequence[ProcessSpec], around: Surroundings) -> None:
        self._gate_out, self._gate_in = os.pipe()
        self.children = [
            Child(spec, around, stdin=self._gate_out if spec.early else asyncio.subprocess.DEVNULL) for spec in specs
        ]
        self.stopping = asyncio.Event()
        self.hurry = asyncio.Event()

    def listen_to_signals(self) -> None:
        """INT, TERM and HUP ask for a stop; a second one cuts the drain short."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.ask_to_stop)

    def ask_to_stop(self) -> None:
        """The first call stops in order, the second at once."""
        if self.stopping.is_set():
            self.hurry.set()
        self.stopping.set()

    async def run(self, preparation: Child, announce: Callable[[], str], ready_within: float) -> None:
        """Run `preparation` to its end, then keep all children running until a stop is asked for.

        Early children are loading meanwhile. `announce()` is said when everything is ready. Raises UpError when the
        preparation fails, or when that takes longer than `ready_within` seconds. Everything is stopped on return.
        """
        early = [child for child in self.children if child.spec.early]
        cores = os.sched_getaffinity(0)
        for child in early:  # they leave a core to the preparation, for which everybody waits
            child.use_cores(set(sorted(cores)[1:]) or cores)
        keepers = [asyncio.ensure_future(child.keep_running()) for child in early]
        try:
            if not await self._prepared(preparation):
                return
            for child in early:
                child.use_cores(cores)
            os.close(self._gate_in)
            keepers += [asyncio.ensure_future(child.keep_running()) for child in self.children if not child.spec.early]
            if await self._ready(ready_within):
                preparation.around.output.say(announce())
            await self.stopping.wait()
        finally:
            self.stopping.set()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            await asyncio.gather(*(child.stop(self.hurry) for child in self.children))

    async def _prepared(self, preparation: Child) -> bool:
        """False when a stop was asked for meanwhile."""
        work = asyncio.ensure_future(preparation.run_once())
        await self._first_of(work)
        if not work.done():
            await preparation.stop(self.hurry)
            await work
            return False
        if work.result():
            raise UpError(f"The database could not be prepared (code {work.result()}). The reason is above.")
        return True

    async def _ready(self, within: float) -> bool:
        """True when every probe is satisfied, False when a stop was asked for first."""
        deadline = time.monotonic() + within
        waiting = [child for child in self.children if child.spec.ready]
        while waiting and not self.stopping.is_set():
            if time.monotonic() > deadline:
                raise UpError(_not_ready(within, waiting, self.children))
            answers = await asyncio.gather(
                *(asyncio.to_thread(child.spec.ready) for child in waiting if child.spec.ready)
            )
            waiting = [child for child, ready in zip(waiting, answers, strict=True) if not ready]
            if waiting:
                await asyncio.sleep(PROBE_EVERY)
        return not self.stopping.is_set()

    async def _first_of(self, work: asyncio.Future[int]) -> None:
        stop = asyncio.ensure_future(self.stopping.wait())
        either: list[asyncio.Future[Any]] = [work, stop]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()


def _not_ready(within: float, waiting: Sequence[Child], children: Sequence[Child]) -> str:
    failing = [child.spec.name for child in children if child.failures]
    reason = f"these keep ending: {', '.join(failing)}" if failing else "see /readyz for what is missing"
    return (
        f"Not ready after {within:.0f} s: no answer yet from {', '.join(child.spec.name for child in waiting)}; "
        f"{reason}. Their output is above."
    )


def _in_words(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
