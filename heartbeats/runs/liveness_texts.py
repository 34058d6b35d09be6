"""What the words of a finished run say: noise, blockers, plans, next actions (spec/2 G).

Plain word lists, read sentence by sentence. They err towards asking a person: what is neither clearly blocked nor
clearly safe to continue stays undecided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

NEXT_ACTION_MAX_CHARS = 500
_SCANNED_CHARS = 20_000
_SENTENCE_CHARS = 2_000

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'"})
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")
_BULLET = re.compile(r"^\s*(?:[-*+\u2022]\s+|\d{1,3}[.)]\s+|#{1,6}\s+|>\s+)+")
_EMPHASIS = re.compile(r"\*\*|__|`")

_NOISE_LINE = re.compile(
    r"""(?:
        \[(?:everbeat|paperclip|system|debug|trace|tool|tool[_ -](?:call|use|result))\b[^\]]*\].*
      | (?:tool[_ -]?(?:call|use|result|name|input|output)s?|function[_ -]call)\s*[:=(\[{].*
      | [\u25cf\u23fa\u23bf\u2192\u21b3\u276f>]\s*(?:[A-Z]\w*\s*\(.*|\$.*)?
      | [\w.-]+@[\w.-]+[:\s][^\s]*\s?[$\#%].*
      | [$\#%]\s+\S.*
      | \{.*\}
      | [^\w]*
      | exit(?:ed\s+with)?\s+(?:code|status)\s*[:=]?\s*-?\d+\.?
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_FILLER = re.compile(
    r"^(?:ok(?:ay)?|done|yes|no|n/?a|none|null|nil|undefined|empty|thanks|understood|acknowledged|success|completed?"
    r"|no (?:output|response|content|text|comment))$"
)
_WORD = re.compile(r"[^\W\d_]{2,}")

_WORK = r"(?:this|the|my|our|that)\s+(?:issue|task|work|ticket|run|item|change|pr|migration|release|deployment|job)"
_CONSENT = (
    r"(?:approval|sign[- ]?off|authori[sz]ation|(?:an? |the |your |their |human |user |board |manager |operator |legal "
    r"|security )*(?:review|decision|input|answer|reply|response|confirmation|feedback|clarification|go-ahead"
    r"|intervention|approval))"
)
_ACCESS = r"(?:an? |the |your )?(?:\w+ )?(?:permissions?|access|credentials?|api keys?|tokens?)"
_BLOCKED = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(?:status\s*[:=-]\s*)?blocked\b",
        r"^blockers?\s*[:=-]\s*\S",
        rf"\b(?:i|we|i'm|we're|{_WORK}|progress|work|it|implementation)\b[^.]{{0,40}}\bblocked\b",
        r"\b(?:cannot|can't|can not|could not|couldn't|unable to|not able to)\s+(?:proceed|continue|move on)",
        rf"\b(?:waiting|wait|awaiting|pending|blocked)\s+(?:for|on|until)?\s*(?:{_CONSENT}|{_ACCESS})",
        rf"\b(?:needs?|requires?|requiring|need(?:ed|ing))\s+{_CONSENT}",
        # What a program needs is no blocker; what the writer needs is.
        rf"\b(?:i|we)\s+(?:\w+\s+)?(?:need|require|lack|miss)\s+{_ACCESS}",
        rf"\b(?:i|we)\s+(?:\w+\s+)?(?:do not|don't)\s+have\s+{_ACCESS}",
        rf"^(?:missing|no)\s+{_ACCESS}\s+(?:to|for)\b",
        r"\bapproval (?:is )?(?:needed|required|pending|outstanding)\b",
        r"\bplease (?:approve|provide|grant|confirm)\b",
    )
)
_NOT_BLOCKED = re.compile(
    r"\b(?:not|no longer|never|isn't|wasn't|aren't|am not|nothing)\s+(?:is\s+|currently\s+|been\s+)?(?:blocked"
    r"|blocking)\b"
    r"|\bun-?blocked\b|\bno\s+(?:\w+\s+)?blockers?\b|\bwithout\s+(?:any\s+)?blockers?\b"
    r"|\bblockers?\s*[:=-]\s*(?:none|no|n/?a)\s*[.!;]?$"
    r"|\bnot\s+a\s+blocker\b|\b(?:was|were|had been)\s+blocked\b"
    r"|\bno\s+(?:further\s+|more\s+)?(?:approval|sign[- ]?off|review|input|credentials?|access)\s+(?:is\s+"
    r"|was\s+)?(?:needed|required)\b"
    r"|\b(?:doesn't|does not|don't|do not|didn't|did not)\s+(?:need|require|wait)\b"
    r"|\b(?:approval|access|sign[- ]?off|permission)\s+(?:was|has been|is)\s+(?:given|granted|received|in place)\b"
    r"|\b(?:if|unless|in case|should|whenever)\b[^.]*\b(?:blocked|approval|access|credentials?|input|review)\b"
    r"|\bno need\b"
)

_SUBJECT = r"(?:i|we|i then|we then|i next|then i|then we)"
_FUTURE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b{_SUBJECT}(?:'ll| will| shall)\b",
        rf"\b{_SUBJECT}(?:'m|'re| am| are) (?:going to|about to|planning to)\b",
        rf"\b{_SUBJECT} (?:still |now |also |next )?(?:plan|intend|want|need|have|hope|aim) to\b",
        rf"\b{_SUBJECT} (?:should|must|would) (?:now |next |then |also )?(?!have\b)\w+",
        r"\blet me (?!know\b)\w+",
        r"^(?:now |next,? |then |first,? )?(?:will|going to|about to|planning to)\b",
        r"^next(?: steps?| actions?| up)?\s*(?:[:,\u2013\u2014-]|\bis to\b|\bare to\b)",
        r"^(?:remaining|outstanding)(?: \w+)?\s*(?:[:\u2013\u2014-]|\bis to\b|\bare to\b)",
        r"^(?:(?:my|the|our|proposed) )?(?:plan|approach)\s*(?:[:\u2013\u2014-]|\bis to\b)",
        r"^(?:todo|to do|follow[- ]?ups?)\s*[:\u2013\u2014-]",
        r"\b(?:the )?next steps? (?:is|are|will be)\b",
    )
)
_NOT_FUTURE = re.compile(
    r"\b(?:will not|won't|shall not|not going to|no longer (?:plan|need)|do not (?:plan|need|intend|want)"
    r"|don't (?:plan|need|intend|want))\b|\bnext(?: steps?| actions?)?\s*[:-]\s*(?:none|nothing|n/?a)\b"
    r"|^no next steps?\b"
)
_RUNNABLE = re.compile(
    r"\b(?:add|adjust|analy[sz]e|apply|begin|build|change|check|clean|commit|compile|complete|configure"
    r"|continue|convert"
    r"|correct|cover|create|debug|design|diagnose|document|draft|edit|examine|expand|explore|extend|extract|find|finish"
    r"|fix|gather|generate|identify|implement|improve|inspect|install|instrument|investigate|look|map|measure|migrate"
    r"|move|open|optimi[sz]e|patch|port|prepare|profile|proceed|prototype|read|rebase|refactor|refine|remove|rename"
    r"|replace|reproduce|research|resume|rewrite|run|scan|search|set up|sketch|simplify|split|start|study|summari[sz]e"
    r"|test|trace|try|update|validate|verify|wire|work|write)(?:ing)?\b"
)
_NEEDS_SOMEBODY = re.compile(
    r"\b(?:approv(?:al|e|ed|es|ing)|sign[- ]?off|permission|confirmation|confirm with|go-ahead|authori[sz]ation"
    r"|wait(?:ing)? (?:for|on|until)|await(?:ing)?|let me know|should i|shall i|would you|do you want|may i|can you"
    r"|could you|your (?:call|input|decision|feedback)|once you|after you|if you (?:agree|want|like|prefer))\b"
)
_MANAGER_REVIEW = re.compile(
    r"\b(?:prod|production|deploy(?:s|ed|ing|ment|ments)?|go live|roll ?out|publish(?:ing)?|ship it to customers"
    r"|secrets?|credentials?|rotat(?:e|es|ing|ion)|revok(?:e|es|ing)|force[- ]?push|drop (?:the )?(?:table"
    r"|database|schema)"
    r"|delete (?:the |all |every |customer |user |production )*(?:data|database|bucket|branch|repo|repository"
    r"|accounts?|records?|backups?)"
    r"|wipe|truncate|terminate|billing|payments?|purchas(?:e|ing)|refunds?|invoices?|pricing|contracts?|legal"
    r"|hire|fire (?!off)|email (?:the )?(?:customers?|users?)|announce(?:ment)?)\b"
)
_NEXT_LABEL = re.compile(r"^\W*next(?: steps?| actions?| up)?\W*?[:\u2013\u2014-]\W*(?P<rest>.*)$", re.IGNORECASE)
_NOTHING = re.compile(r"^(?:none|nothing|n/?a|-)?[.!]?$", re.IGNORECASE)


def without_noise(raw: str) -> str:
    """Raw output without tool calls, shell prompts, JSON lines, rules and the control plane's own lines."""
    lines = (line for line in _bounded(raw).splitlines() if not _NOISE_LINE.fullmatch(line.strip()[:_SENTENCE_CHARS]))
    return "\n".join(lines).strip()


def is_useful(text: str) -> bool:
    """True if the text says anything: at least one word, and not just a filler such as "ok" or "done"."""
    plain = re.sub(r"[\W_]+", " ", _bounded(text).replace("/", "")).strip().casefold()
    return bool(_WORD.search(plain)) and not _FILLER.match(plain)


def declares_blocker(text: str) -> bool:
    """True if a sentence says that the work waits for something outside, or for an approval, and does not deny it."""
    return any(
        any(pattern.search(sentence) for pattern in _BLOCKED) and not _NOT_BLOCKED.search(sentence)
        for sentence in _sentences(text)
    )


def announcement(text: str) -> str | None:
    """The first line that announces work still to be done, as it was written; None if there is none."""
    for line in _lines(text):
        if any(_announces(sentence) for sentence in _sentences(line)):
            return line
    return None


def is_safe_to_continue(text: str) -> bool:
    """True if what the text announces can be done without asking: runnable verbs, no approval, no manager review."""
    announced = [sentence for sentence in _sentences(text) if _announces(sentence)]
    everything = " ".join(_sentences(text))
    if _NEEDS_SOMEBODY.search(everything) or any(_MANAGER_REVIEW.search(sentence) for sentence in announced):
        return False
    if any(_RUNNABLE.search(sentence) for sentence in announced):
        return True
    # "Next:" and "Plan:" announce the list that follows them.
    listed = any(sentence.rstrip().endswith(":") for sentence in announced)
    return listed and bool(_RUNNABLE.search(everything)) and not _MANAGER_REVIEW.search(everything)


def next_action(texts: Iterable[str]) -> str | None:
    """What is to be done next, at most 500 characters: after a "Next:" label, else the first announcing line."""
    candidates = [text for text in texts if text.strip()]
    labelled = (_after_label(text) for text in candidates)
    announced = (announcement(text) for text in candidates)
    found = next((action for action in (*labelled, *announced) if action), None)
    return found[:NEXT_ACTION_MAX_CHARS].strip() if found else None


def _announces(sentence: str) -> bool:
    return any(pattern.search(sentence) for pattern in _FUTURE) and not _NOT_FUTURE.search(sentence)


def _after_label(text: str) -> str | None:
    lines = list(_lines(text))
    for index, line in enumerate(lines):
        match = _NEXT_LABEL.match(line)
        if match is None:
            continue
        rest = match["rest"].strip() or next(iter(lines[index + 1 : index + 2]), "")
        if not _NOTHING.match(rest):
            return rest
    return None


def _lines(text: str) -> Iterator[str]:
    """Non-blank lines without bullets and emphasis."""
    for line in _bounded(text).splitlines():
        bare = _EMPHASIS.sub("", _BULLET.sub("", line)).strip()
        if bare:
            yield bare


def _sentences(text: str) -> list[str]:
    """Sentences in lower case with plain apostrophes; a line break ends one."""
    plain = "\n".join(_lines(text)).translate(_APOSTROPHES).lower()
    return [sentence.strip()[:_SENTENCE_CHARS] for sentence in _SENTENCE_END.split(plain) if sentence.strip()]


def _bounded(text: str) -> str:
    """Head and tail of a very long text: enough to judge, and no quadratic surprises."""
    if len(text) <= _SCANNED_CHARS:
        return text
    half = _SCANNED_CHARS // 2
    return f"{text[:half]}\n{text[-half:]}"
