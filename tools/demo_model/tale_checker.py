"""Reads tales and says what is wrong in them: python3 tale_checker.py < tales.txt (one a line)

A tale is right when every sentence is one the world has words for (corpus/events.py) and what it
says can be so after what was said before: nobody acts who was not introduced, nobody is introduced
twice, a thing is where it was put and with whom it was given to, pronouns fit, numbers add up.
Nothing of how the tale was made is known here; only its text is read.
"""

from __future__ import annotations

import copy
import re
import sys
from dataclasses import dataclass
from functools import lru_cache

from corpus import lexicon as lex
from corpus.events import EVENTS, Event, Values
from corpus.wording import pattern
from corpus.world import World, Wrong

PEOPLE = ("a", "b", "d")
PRONOUNS = {"she": True, "her": True, "he": False, "his": False, "him": False}


@dataclass(frozen=True)
class Reading:
    """A sentence taken as one wording of an event."""

    event: Event
    groups: dict[str, str]
    end: int


@lru_cache(maxsize=1)
def patterns() -> list[tuple[Event, re.Pattern[str]]]:
    found = []
    for event in EVENTS.values():
        for wording in event.wordings:
            text = pattern(wording)
            if text[0].islower():  # "{her_a} best friend": the sentence begins with a capital
                text = text[0].upper() + text[1:]
            found.append((event, re.compile(text + r"(?= |$)")))
    return found


def readings(text: str, at: int) -> list[Reading]:
    """All that may begin here, the longest first."""
    found = []
    for event, compiled in patterns():
        match = compiled.match(text, at)
        if match:
            found.append(Reading(event, match.groupdict(), match.end()))
    return sorted(found, key=lambda reading: -reading.end)


def resolve(groups: dict[str, str], alone: str | None) -> Values:
    """The slots' values, with names for pronouns; `alone` is whom the last sentence was about."""
    values = {slot: word for slot, word in groups.items() if word is not None}
    subject = values.pop("A", None)
    if subject and subject.lower() in ("she", "he"):
        values["a"] = spoken_of(subject, alone)
    elif subject:
        values["a"] = subject
    for slot in [slot for slot in values if slot[:4] in ("she_", "her_", "him_")]:
        whom, word = slot[4:], values.pop(slot)
        if whom not in values:
            values[whom] = spoken_of(word, alone)
        if PRONOUNS[word.lower()] != lex.is_girl(values[whom]):
            raise Wrong(f"{word} for {values[whom]}")
    return values


def spoken_of(pronoun: str, alone: str | None) -> str:
    if alone is None:
        raise Wrong(f"{pronoun}: it is not clear who")
    if PRONOUNS[pronoun.lower()] != lex.is_girl(alone):
        raise Wrong(f"{pronoun} for {alone}")
    return alone


def fault(text: str) -> str | None:
    """What is first wrong in a tale; None where nothing is."""
    world, alone, at, last = World(), None, 0, ""
    while at < len(text):
        possible = readings(text, at)
        if not possible:
            return f"no such sentence: {text[at:at + 60]!r}"
        why = ""
        for reading in possible:
            trial = copy.deepcopy(world)
            try:
                values = resolve(reading.groups, alone)
                reading.event.rule(trial, values)
            except Wrong as wrong:
                why = why or f"{wrong} in {text[at:reading.end]!r}"
                continue
            world, last = trial, reading.event.name
            people = {values[slot] for slot in PEOPLE if slot in values}
            alone = people.pop() if len(people) == 1 else None
            at = reading.end + 1
            why = ""
            break
        if why:
            return why
    if last not in ("moral", "end"):
        return "it stops before the end"
    return None


def main() -> None:
    tales = [line.rstrip("\n") for line in sys.stdin if line.strip()]
    faults = [(tale, why) for tale in tales if (why := fault(tale))]
    for tale, why in faults:
        print(f"{why}\n    {tale}")
    print(f"{len(tales) - len(faults)} of {len(tales)} tales are right")


if __name__ == "__main__":
    main()
