"""A small language of wordings, read both ways: rendered with choices, and matched against text.

    "[Then |Soon |]{A} put {o} {c}[ with care|]."

`[x|y]` is a choice and may hold slots. A slot's letters say what fills it: {a} a person's name,
{A} that name or, where the last sentence was about the same person, a pronoun; {b} {d} others;
{o} {p} a thing ("the red ball"), {an_o} its first mention ("a red ball"); {she_a} {her_a} {him_a}
pronouns of that person; the rest is in SLOTS.
"""

from __future__ import annotations

import random
import re
from functools import lru_cache

from . import lexicon as lex


def _any(words: list[str] | tuple[str, ...]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_NAME = _any(lex.NAMES)
_THING = f"(?:{_any(lex.COLOURS + lex.SIZES)}) (?:{_any(lex.NOUNS)})"
SLOTS: dict[str, str] = {
    **{key: _NAME for key in "abd"},
    "A": f"{_NAME}|She|He|she|he",
    "kind": _any(lex.KINDS),
    "kind_b": _any(lex.KINDS),
    "trait": _any(lex.TRAITS),
    "o": _THING,
    "p": _THING,
    "c": _any(lex.SPOTS),
    "c2": _any(lex.SPOTS),
    "place": _any(lex.PLACES),
    "food": _any(lex.FOODS),
    "weather": _any(lex.WEATHER),
    "mend": _any(lex.MENDERS),
    "moral": _any(lex.ALL_MORALS),
    "n": r"\d+",
    "m": r"\d+",
    "k": r"\d+",
    "what": _any(lex.COUNTED + [lex.plural(w) for w in lex.COUNTED]),
}
_TOKEN = re.compile(r"\{(\w+)\}|\[([^\[\]]*)\]")


def pronoun(form: str, name: str) -> str:
    girl = lex.is_girl(name)
    return {
        "she": "she" if girl else "he",
        "her": "her" if girl else "his",
        "him": "her" if girl else "him",
    }[form]


def fill(slot: str, values: dict[str, str]) -> str:
    head, _, tail = slot.partition("_")
    if head in ("she", "her", "him"):
        return pronoun(head, values[tail])
    if head == "an":
        return lex.article(values[tail])
    return values[slot]


@lru_cache(maxsize=None)
def _parts(wording: str) -> tuple[tuple[str, str | tuple[str, ...]], ...]:
    parts: list[tuple[str, str | tuple[str, ...]]] = []
    at = 0
    for found in _TOKEN.finditer(wording):
        if found.start() > at:
            parts.append(("text", wording[at : found.start()]))
        if found.group(1):
            parts.append(("slot", found.group(1)))
        else:
            parts.append(("choice", tuple(found.group(2).split("|"))))
        at = found.end()
    if at < len(wording):
        parts.append(("text", wording[at:]))
    return tuple(parts)


def render(wording: str, values: dict[str, str], rng: random.Random) -> str:
    """Chooses in every choice and fills every slot. values["A"] is a name or a pronoun."""
    out: list[str] = []
    for kind, value in _parts(wording):
        if kind == "text":
            out.append(value)  # type: ignore[arg-type]
        elif kind == "slot":
            out.append(fill(value, values))  # type: ignore[arg-type]
        else:
            chosen = rng.choice(value)  # type: ignore[arg-type]
            if chosen:
                out.append(render(chosen, values, rng))
    return "".join(out)


def pattern(wording: str) -> str:
    """The regular expression of all a wording can say; its groups are the slots."""
    seen: set[str] = set()

    def of(text: str) -> str:
        out = ""
        for kind, value in _parts(text):
            if kind == "text":
                out += re.escape(value)  # type: ignore[type-var]
            elif kind == "choice":
                out += "(?:" + "|".join(of(part) for part in value) + ")"
            else:
                out += slot(str(value))
        return out

    def slot(name: str) -> str:
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        head, _, tail = name.partition("_")
        if head in ("she", "her", "him"):
            return f"(?P<{name}>[Ss]he|[Hh]e|[Hh]er|[Hh]is|him)"
        if head == "an":
            seen.add(tail)
            return f"(?:an (?=[aeiou])|a (?=[^aeiou]))(?P<{tail}>{SLOTS[tail]})"
        return f"(?P<{name}>{SLOTS[name]})"

    return of(wording)
