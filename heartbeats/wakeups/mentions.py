"""What a text mentions: agents by ``@Name`` or ``agent://id`` (spec/4 section 5, W7), skills by ``skill://id``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FENCED = re.compile(r"^(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^(?P=fence)[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_INLINE_CODE = re.compile(r"(?<!`)(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)")
_LINK = re.compile(r"\[[^\[\]\n]*\]\(\s*(agent://[^\s)]+)[^)\n]*\)")
_AGENT_URL = re.compile(r"agent://(?P<id>[^\s()<>\[\]?#/\"']+)", re.IGNORECASE)
_SKILL_URL = re.compile(r"skill://(?P<id>[0-9a-f-]{36})(?![0-9a-z-])", re.IGNORECASE)
_NAME_START = re.compile(r"(?<![\w@.])@(?=\S)")


@dataclass(frozen=True)
class NamedAgent:
    """An agent of the company whose people and agents write the text."""

    id: str
    name: str


def mentioned_agents(text: str, agents: Iterable[NamedAgent], *, author_agent_id: str | None = None) -> list[str]:
    """The ids of the mentioned agents, in the order of their first mention, none twice, never the author.

    A name counts when it stands there whole, whatever its case; of names that begin alike the longest wins. Two agents
    of the same name are both meant. A link counts for the id it names, not for its label. Code mentions nobody.
    """
    known = [agent for agent in agents if agent.name.strip()]
    prose = _prose(text)
    found = _by_link(prose, known) + _by_name(_LINK.sub(_blank, prose), known)
    ordered = dict.fromkeys(agent_id for _, agent_id in sorted(found, key=lambda hit: hit[0]))
    return [agent_id for agent_id in ordered if agent_id != author_agent_id]


def mentioned_skills(texts: Iterable[str]) -> list[str]:
    """The ids of the mentioned skills, in lower case, in the order of their first mention, none twice (spec/2 D).

    Links in code mention nothing. Whether such skills exist is for the caller to find out.
    """
    found = (match["id"].lower() for text in texts for match in _SKILL_URL.finditer(_prose(text)))
    return list(dict.fromkeys(found))


def _prose(text: str) -> str:
    return _INLINE_CODE.sub(" ", _FENCED.sub(" ", text))


def _by_link(prose: str, agents: list[NamedAgent]) -> list[tuple[int, str]]:
    by_id = {agent.id.casefold(): agent.id for agent in agents}
    hits = ((match.start(), by_id.get(match["id"].casefold())) for match in _AGENT_URL.finditer(prose))
    return [(start, agent_id) for start, agent_id in hits if agent_id is not None]


def _by_name(prose: str, agents: list[NamedAgent]) -> list[tuple[int, str]]:
    hits: list[tuple[int, str]] = []
    for match in _NAME_START.finditer(prose):
        present = [agent for agent in agents if _stands_at(prose, match.end(), agent.name.strip())]
        longest = max((len(agent.name.strip()) for agent in present), default=0)
        hits += [(match.start(), agent.id) for agent in present if len(agent.name.strip()) == longest]
    return hits


def _stands_at(prose: str, start: int, name: str) -> bool:
    end = start + len(name)
    if prose[start:end].casefold() != name.casefold():
        return False
    following = prose[end : end + 1]
    return not (following.isalnum() or (following in ("_", "-") and prose[end + 1 : end + 2].isalnum()))


def _blank(match: re.Match[str]) -> str:
    """Spaces of the same length, so that positions keep their order."""
    return " " * len(match.group())
