"""What is so in a tale: who is in it, where things are, how they are. Each event of events.py asks
and changes it through these methods, which raise Wrong when the event cannot be.

The generator tells only what the world allows; the checker replays what a text says.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import lexicon as lex


class Wrong(Exception):
    """The text says what cannot be: a thing where it was not put, a name nobody introduced."""


@dataclass
class Thing:
    owner: str
    holder: str | None  # who has it, or
    spot: str | None = None  # where it lies
    states: set[str] = field(default_factory=set)


@dataclass
class World:
    people: dict[str, str] = field(default_factory=dict)  # name to kind
    things: dict[str, Thing] = field(default_factory=dict)  # "red ball" to how it is
    counts: dict[tuple[str, str], int] = field(default_factory=dict)  # (name, "apple") to how many
    moods: dict[str, set[str]] = field(default_factory=dict)
    place: str | None = None

    def need(self, fact: bool, why: str) -> None:
        if not fact:
            raise Wrong(why)

    def introduce(self, name: str, kind: str) -> None:
        self.need(name not in self.people, f"{name} is introduced twice")
        if kind in ("girl", "boy"):
            self.need(kind == lex.CHILD[lex.is_girl(name)], f"{name} is no {kind}")
        self.people[name] = kind
        self.moods[name] = set()

    def known(self, *names: str) -> None:
        for name in names:
            self.need(name in self.people, f"{name} was never introduced")
        self.need(len(set(names)) == len(names), f"{names}: one person twice")

    def go(self, place: str) -> None:
        self.place = place

    def at(self, place: str) -> None:
        self.need(self.place == place, f"the {place}: they are at the {self.place}")

    def new_thing(self, thing: str, owner: str, holder: str | None, spot: str | None = None) -> None:
        self.known(owner)
        self.need(thing not in self.things, f"the {thing} appears twice")
        self.things[thing] = Thing(owner, holder, spot)

    def thing(self, thing: str) -> Thing:
        self.need(thing in self.things, f"the {thing} was never mentioned")
        return self.things[thing]

    def holds(self, name: str, thing: str) -> None:
        self.known(name)
        self.need(self.thing(thing).holder == name, f"{name} does not have the {thing}")

    def owns(self, name: str, thing: str) -> None:
        self.known(name)
        self.need(self.thing(thing).owner == name, f"the {thing} is not {name}'s")

    def put(self, name: str, thing: str, spot: str) -> None:
        self.holds(name, thing)
        self.drop(thing, spot)

    def drop(self, thing: str, spot: str) -> None:
        found = self.thing(thing)
        found.holder, found.spot = None, spot

    def lies(self, thing: str, spot: str) -> None:
        self.need(self.thing(thing).spot == spot, f"the {thing} is not {spot}")

    def lies_not(self, thing: str, spot: str) -> None:
        self.need(self.thing(thing).spot != spot, f"the {thing} is {spot}")

    def take(self, name: str, thing: str) -> None:
        self.known(name)
        found = self.thing(thing)
        self.need(found.holder is None, f"{found.holder} has the {thing}")
        found.holder, found.spot = name, None

    def give(self, giver: str, to: str, thing: str) -> None:
        self.known(giver, to)
        self.holds(giver, thing)
        self.thing(thing).holder = to

    def own(self, name: str, thing: str) -> None:
        self.thing(thing).owner = name

    def mark(self, thing: str, *states: str) -> None:
        self.thing(thing).states.update(states)

    def unmark(self, thing: str, state: str) -> None:
        self.is_marked(thing, state)
        self.thing(thing).states.discard(state)

    def is_marked(self, thing: str, state: str) -> None:
        self.need(state in self.thing(thing).states, f"the {thing} is not {state}")

    def feel(self, name: str, mood: str) -> None:
        self.known(name)
        self.moods[name] = {mood}

    def feels(self, name: str, mood: str) -> None:
        self.known(name)
        self.need(mood in self.moods[name], f"{name} is not {mood}")

    def count(self, name: str, noun: str) -> int:
        self.known(name)
        self.need((name, noun) in self.counts, f"{name} has no {noun}")
        return self.counts[name, noun]
