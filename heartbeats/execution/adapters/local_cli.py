"""Coding tools on the command line, declared: a tool is its words, its parser and its errors; the rest is here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from heartbeats.execution.adapters.base import Ended, Instead, Invocation, Plan, Report, SetupError, time_limits
from heartbeats.execution.adapters.prompt import build_prompt
from heartbeats.execution.adapters.started import Started, read_started
from heartbeats.execution.adapters.stream import Said, tokens
from heartbeats.execution.adapters.trouble import Kind, kind_of, retry_not_before, words
from heartbeats.execution.excerpts import Excerpts
from heartbeats.execution.rundir import ExitRecord, RunDir
from heartbeats.readings import first_text, flag_of, list_of, number_of, text_of
from heartbeats.runs.bounds import bound_string
from heartbeats.runs.sessions import NO_SESSION, SessionState
from heartbeats.runs.usage import PER_RUN
from heartbeats.vocabulary import ErrorFamily

Words = Callable[[Invocation], list[str]]
_MOST_ERROR_CHARS = 2_000


def _stdout(excerpts: Excerpts) -> str:
    return excerpts.stdout_tail


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCli:
    """A tool. `arguments` are joined in order, `last` are words behind everything else.

    `unknown_session` are expressions for "I do not know that session". `prompt_as` None sends the prompt through stdin;
    else it is the value of this option (or, empty, the last word). `keys` are environment variables that mean that the
    use is metered; without any, nothing is said of how it is billed. `counts_each_run`: its counters begin at 0 with
    each call, also in a resumed session. `heard` is what is parsed. `verified_with` is the version whose output format
    was looked at; empty: only its documentation was.
    """

    name: str
    command: str
    provider: str
    arguments: Sequence[Words]
    parse: Callable[[str], Said]
    kinds: Sequence[Kind] = ()
    unknown_session: Sequence[str] = ()
    prompt_as: str | None = None
    last: Sequence[str] = ()
    keys: Sequence[str] = ()
    counts_each_run: bool = False
    heard: Callable[[Excerpts], str] = _stdout
    verified_with: str = ""


@dataclass(frozen=True, slots=True)
class LocalCliAdapter:
    """Runs a declared tool: `command`, `extraArgs`, `model`, `promptTemplate`, `timeoutSec` and what the tool takes."""

    tool: LocalCli

    def plan(self, invocation: Invocation) -> Plan:
        """The command; for a resumed session also what to run when the tool does not know it any more."""
        argv, stdin = self._command(invocation)
        instead = None
        if _session_id(invocation):
            fresh_argv, fresh_stdin = self._command(replace(invocation, session=NO_SESSION))
            instead = Instead(argv=fresh_argv, stdin=fresh_stdin, words=self.tool.unknown_session)
        return Plan(
            argv=argv,
            stdin=stdin,
            instead=instead if instead and instead.words else None,
            remember={"billingType": self._billing(invocation), "sessionId": _session_id(invocation)},
            **time_limits(invocation.config),
        )

    def report(self, ended: Ended) -> Report:
        """What the stream says; what went wrong is judged only when something did."""
        said, started = self.tool.parse(self.tool.heard(ended.excerpts)), read_started(ended.run_dir)
        report = self._spoken(said, started)
        if ended.exit_code == 0 and not said.failed and said.concluded:
            return report
        return self._with_trouble(report, said, ended)

    def _billing(self, invocation: Invocation) -> str | None:
        if not self.tool.keys:
            return None
        return "api" if any(text_of(invocation.env.get(key)) for key in self.tool.keys) else "subscription"

    def _command(self, invocation: Invocation) -> tuple[list[str], str | None]:
        config = invocation.config
        command = config.get("command") or self.tool.command
        if not isinstance(command, str) or not command.strip():
            raise SetupError("command_missing", "adapterConfig.command is not set, so there is nothing to run.")
        own = [word for words in self.tool.arguments for word in words(invocation)]
        extra = list_of(config.get("extraArgs")) or list_of(config.get("args"))
        argv = [command, *own, *(str(word) for word in extra), *self.tool.last]
        prompt = build_prompt(invocation)
        if self.tool.prompt_as is None:
            return argv, prompt
        return [*argv, *filter(None, [self.tool.prompt_as]), prompt], None

    def _spoken(self, said: Said, started: Started) -> Report:
        session = {"sessionId": said.session_id, **started.folder} if said.session_id else None
        return Report(
            result={**said.facts, **({"result": bound_string(said.text)} if said.text else {})} or None,
            summary=bound_string(said.text) if said.text else None,
            usage=said.usage,
            usage_basis=PER_RUN if self.tool.counts_each_run else None,
            cost_usd=said.cost_usd,
            provider=self.tool.provider,
            biller=self.tool.provider,
            model=said.model,
            billing_type=said.billing_type or started.billing_type,
            session_id=said.session_id,
            session_params=session,
            session_display_id=said.session_id,
            clear_session=said.clear_session,
        )

    def _with_trouble(self, report: Report, said: Said, ended: Ended) -> Report:
        texts = said.errors or _complaints(ended)
        kind = kind_of(self.tool.kinds, texts)
        again = None
        if kind and kind.family == ErrorFamily.TRANSIENT_UPSTREAM:
            again = _again(said, texts, _ended_at(ended))
        return replace(
            report,
            # said outright, since a session is found dead by runs of it that used nothing
            usage=report.usage or tokens(0, 0, 0),
            error_message=self._message(said, texts, ended),
            error_code=kind.code if kind else None,
            error_family=str(kind.family) if kind else None,
            retry_not_before=again.isoformat() if again else None,
            clear_session=report.clear_session or (report.session_id is None and self._forgot(texts)),
        )

    def _forgot(self, texts: Sequence[str]) -> bool:
        """Whether the tool says that it does not know the session: then nothing is left to resume."""
        unknown = self.tool.unknown_session
        return bool(unknown) and any(words(*unknown).search(text) for text in texts)

    def _message(self, said: Said, texts: Sequence[str], ended: Ended) -> str | None:
        """The tool's own words, or a sentence; None for a death by signal, which the run explains by itself."""
        told = first_text(*texts, said.text if said.failed else None)
        if told:
            return bound_string(told[:_MOST_ERROR_CHARS])
        if ended.signal is not None or ended.timed_out:
            return None
        if ended.exit_code == 0:
            return f"{self.tool.name} ended without a result that can be read"
        return f"{self.tool.name} ended with code {ended.exit_code} and said nothing"


def always(*fixed: str) -> Words:
    """Words that never change."""
    return lambda _invocation: list(fixed)


def resuming(*option: str) -> Words:
    """The option with the session to resume, when there is one."""

    def chosen(invocation: Invocation) -> list[str]:
        session_id = _session_id(invocation)
        return [*option, session_id] if session_id else []

    return chosen


def option(key: str, name: str) -> Words:
    """An option with the text of a configuration key, when it is set."""

    def chosen(invocation: Invocation) -> list[str]:
        value = text_of(invocation.config.get(key))
        return [name, value.strip()] if value else []

    return chosen


def number(key: str, name: str) -> Words:
    """An option with a whole number above 0, when the key has one."""

    def chosen(invocation: Invocation) -> list[str]:
        value = int(number_of(invocation.config.get(key), 0))
        return [name, str(value)] if value > 0 else []

    return chosen


def switch(key: str, *when_true: str) -> Words:
    """Words that appear when the key is true."""
    return lambda invocation: list(when_true) if flag_of(invocation.config.get(key), default=False) else []


def file(key: str, name: str) -> Words:
    """An option with an existing file. Raises SetupError when the file of an absolute path is not there."""

    def chosen(invocation: Invocation) -> list[str]:
        path = text_of(invocation.config.get(key))
        if path and os.path.isabs(path) and not os.path.isfile(path):
            raise SetupError("instructions_missing", f"adapterConfig.{key} names {path}, which is not a file here.")
        return [name, path] if path else []

    return chosen


def skills_folder(name: str) -> Words:
    """An option with the folder that holds the run's skills, for a tool that finds them there by itself."""

    def chosen(invocation: Invocation) -> list[str]:
        # <folder>/.claude/skills/<key>/SKILL.md
        return [name, str(Path(invocation.skills[0].path).parents[3])] if invocation.skills else []

    return chosen


def _session_id(invocation: Invocation) -> str | None:
    session: SessionState = invocation.session
    params: Mapping[str, Any] = session.params or {}
    found = first_text(params.get("sessionId"), session.session_id)
    return None if found is None or found.startswith("-") else found


def _complaints(ended: Ended) -> tuple[str, ...]:
    """What stderr says, line by line, without what the preparation of the folder said there."""
    lines = (line.strip() for line in ended.excerpts.stderr.splitlines())
    return tuple(line for line in lines if line and not line.startswith("Workspace: "))


def _ended_at(ended: Ended) -> datetime | None:
    record = RunDir(ended.run_dir).exit_record()
    return datetime.fromtimestamp(record.ended_at, UTC) if isinstance(record, ExitRecord) else None


def _again(said: Said, texts: Sequence[str], now: datetime | None) -> datetime | None:
    if said.resets_at:
        return datetime.fromtimestamp(said.resets_at, UTC)
    return retry_not_before(texts, now) if now else None
