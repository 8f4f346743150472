"""The plots: which events make a tale. A plot draws its people and things and tells them."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache

from . import lexicon as lex
from .events import EVENTS
from .wording import render
from .world import World


@lru_cache(maxsize=None)
def _leans_on_pronoun(wording: str) -> bool:
    """Whether a wording speaks of `a` by pronoun alone, which only the sentence before can name."""
    return "_a}" in wording and "{a}" not in wording and "{A}" not in wording


class Teller:
    """Tells events: into a world, and into sentences."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.world = World()
        self.sentences: list[str] = []
        self.told: list[tuple[str, dict[str, str]]] = []
        self.alone: str | None = None  # the one person the last sentence was about

    def tell(self, name: str, **values: str) -> None:
        found = EVENTS[name]
        about = values.get("a")
        may_lean = about is not None and self.alone == about
        wordings = found.wordings
        if not may_lean:
            wordings = tuple(w for w in wordings if not _leans_on_pronoun(w))
        wording = self.rng.choice(wordings)
        found.rule(self.world, values)
        if about:
            girl = lex.is_girl(about)
            lean = may_lean and self.rng.random() < 0.5
            values["A"] = ("she" if girl else "he") if lean else about
        text = render(wording, values, self.rng)
        self.sentences.append(text[0].upper() + text[1:])
        self.told.append((name, values))
        people = {values[slot] for slot in ("a", "b", "d") if _names(wording, slot)}
        self.alone = people.pop() if len(people) == 1 else None

    def maybe(self, chance: float, name: str, **values: str) -> None:
        if self.rng.random() < chance:
            self.tell(name, **values)

    def text(self) -> str:
        return " ".join(self.sentences)


@lru_cache(maxsize=None)
def _names(wording: str, slot: str) -> bool:
    return any(mark in wording for mark in (f"{{{slot}}}", f"{{{slot.upper()}}}", f"_{slot}}}"))


class Draw:
    """What a tale is about; a caller may fix the first name and thing."""

    def __init__(self, rng: random.Random, name: str = "", thing: str = "") -> None:
        self.rng = rng
        self.a = name or rng.choice(lex.NAMES)
        self.b = rng.choice([n for n in lex.NAMES if n != self.a])
        self.fixed = thing
        self.used: set[str] = set()

    def kind(self, name: str) -> str:
        child = lex.CHILD[lex.is_girl(name)]
        return child if self.rng.random() < 0.45 else self.rng.choice(lex.ANIMALS)

    def thing(self, nouns: list[str] | tuple[str, ...] = tuple(lex.NOUNS)) -> str:
        if self.fixed and self.fixed.split()[1] in nouns and self.fixed not in self.used:
            self.used.add(self.fixed)
            return self.fixed
        while True:
            look = self.rng.choice(lex.COLOURS if self.rng.random() < 0.7 else lex.SIZES)
            noun = self.rng.choice(nouns)
            if noun not in {u.split()[1] for u in self.used}:
                self.used.add(f"{look} {noun}")
                return f"{look} {noun}"

    def spots(self, count: int) -> list[str]:
        return self.rng.sample(lex.SPOTS, count)


def _begin(t: Teller, d: Draw, friend: float = 1.0) -> None:
    rng = t.rng
    t.tell("open", a=d.a, kind=d.kind(d.a), trait=rng.choice(lex.TRAITS), place=rng.choice(lex.PLACES))
    if rng.random() < friend:
        t.tell("friend", a=d.a, b=d.b, kind_b=d.kind(d.b))


def _go(t: Teller, d: Draw, chance: float) -> None:
    if t.rng.random() < chance:
        w = t.rng.choice(lex.WEATHER)
        t.tell("go", a=d.a, b=d.b, place=t.rng.choice(lex.PLACES), weather=w)


def _end(t: Teller, d: Draw, moral: str) -> None:
    way = t.rng.random()
    if way < 0.75:
        t.tell("moral", a=d.a, moral=t.rng.choice(lex.MORALS[moral]))
    if way > 0.55:
        t.tell("end")


def lost_thing(t: Teller, d: Draw) -> None:
    o, (c, c2, c3) = d.thing(), d.spots(3)
    _begin(t, d)
    t.tell("has", a=d.a, o=o)
    t.maybe(0.3, "day", weather=t.rng.choice(lex.WEATHER))
    t.tell("put", a=d.a, o=o, c=c)
    t.tell("miss", a=d.a, o=o)
    t.tell("look", a=d.a, o=o, c=c2)
    t.maybe(0.5, "look", a=d.a, o=o, c=c3)
    t.maybe(0.4, "ask_help", a=d.a, b=d.b, o=o)
    t.tell("tell_where", b=d.b, o=o, c=c)
    t.tell("find", a=d.a, o=o, c=c)
    t.maybe(0.6, "thanks_a", a=d.a, b=d.b)
    t.maybe(0.5, "happy_a", a=d.a)
    _end(t, d, "tidy")


def sharing(t: Teller, d: Draw) -> None:
    o = d.thing(lex.TOYS)
    _begin(t, d)
    t.tell("has", a=d.a, o=o)
    _go(t, d, 0.7)
    t.maybe(0.4, "bring", a=d.a, o=o)
    t.tell("ask", a=d.a, b=d.b, o=o)
    t.tell("refuse", a=d.a, o=o)
    t.tell("sad_b", b=d.b)
    t.tell("see_sad", a=d.a, b=d.b)
    t.tell("give", a=d.a, b=d.b, o=o)
    t.maybe(0.7, "thanks_b", a=d.a, b=d.b)
    t.tell("play", a=d.a, b=d.b)
    t.maybe(0.4, "give_back", a=d.a, b=d.b, o=o)
    _end(t, d, "share")


def broken(t: Teller, d: Draw) -> None:
    o = d.thing(lex.BREAKABLE)
    _begin(t, d)
    t.tell("has", a=d.a, o=o)
    _go(t, d, 0.5)
    t.maybe(0.4, "ask", a=d.a, b=d.b, o=o)
    t.tell("lend", a=d.a, b=d.b, o=o)
    t.tell("break", b=d.b, o=o)
    t.maybe(0.4, "sad_b", b=d.b)
    t.tell("own_up", a=d.a, b=d.b, o=o)
    t.tell("forgive", a=d.a)
    t.tell("mend", a=d.a, b=d.b, o=o, mend=t.rng.choice(lex.MENDERS))
    t.maybe(0.6, "like_new", o=o)
    t.tell("give_back", a=d.a, b=d.b, o=o)
    t.maybe(0.5, "play", a=d.a, b=d.b)
    _end(t, d, "truth")


def lost_friend(t: Teller, d: Draw) -> None:
    _begin(t, d, friend=0)
    w = t.rng.choice(lex.WEATHER)
    t.tell("go_alone", a=d.a, place=t.rng.choice(lex.PLACES), weather=w)
    t.tell("meet", a=d.a, b=d.b, kind_b=d.kind(d.b))
    t.tell("lost", b=d.b)
    t.maybe(0.5, "sad_b", b=d.b)
    t.tell("lead_home", a=d.a, b=d.b)
    t.tell("thanks_b", a=d.a, b=d.b)
    if t.rng.random() < 0.5:
        o = d.thing()
        t.tell("has_too", b=d.b, p=o)
        t.tell("give", a=d.b, b=d.a, o=o)
    t.maybe(0.6, "happy_a", a=d.a)
    _end(t, d, "help")


def dirty(t: Teller, d: Draw) -> None:
    o = d.thing(lex.WASHABLE)
    _begin(t, d)
    t.tell("has", a=d.a, o=o)
    _go(t, d, 0.8)
    t.maybe(0.5, "bring", a=d.a, o=o)
    t.tell("mud", a=d.a, o=o)
    t.tell("is_dirty", o=o)
    t.maybe(0.6, "ask_help", a=d.a, b=d.b, o=o)
    t.tell("wash", a=d.a, b=d.b, o=o)
    t.tell("dry", o=o)
    t.maybe(0.6, "like_new", o=o)
    t.maybe(0.6, "thanks_a", a=d.a, b=d.b)
    t.maybe(0.5, "home", a=d.a, b=d.b)
    _end(t, d, "care")


def hungry(t: Teller, d: Draw) -> None:
    noun = t.rng.choice(["apple", "pear", "plum", "carrot", "nut", "cookie", "berry"])
    n, m = t.rng.randint(4, 12), t.rng.randint(1, 8)
    _begin(t, d, friend=0)
    w = t.rng.choice(lex.WEATHER)
    t.tell("go_alone", a=d.a, place=t.rng.choice(lex.PLACES), weather=w)
    t.tell("gather", a=d.a, n=str(n), what=lex.plural(noun, n))
    if t.rng.random() < 0.5:
        t.tell("more", a=d.a, m=str(m), k=str(n + m), what=lex.plural(noun, n + m))
        n += m
    t.tell("meet", a=d.a, b=d.b, kind_b=d.kind(d.b))
    t.tell("hungry", b=d.b)
    t.maybe(0.6, "feel_for", a=d.a, b=d.b)
    m = t.rng.randint(2, n - 1)
    t.tell("share_some", a=d.a, b=d.b, m=str(m), k=str(n - m), what=lex.plural(noun, n - m))
    t.maybe(0.6, "thanks_b", a=d.a, b=d.b)
    t.tell("eat")
    t.maybe(0.4, "home", a=d.a, b=d.b)
    _end(t, d, "share")


def trade(t: Teller, d: Draw) -> None:
    o, p = d.thing(), d.thing()
    _begin(t, d)
    t.tell("has", a=d.a, o=o)
    t.tell("has_too", b=d.b, p=p)
    _go(t, d, 0.5)
    t.tell("like_other", a=d.a, b=d.b, o=o, p=p)
    t.tell("swap", a=d.a, b=d.b, o=o, p=p)
    t.maybe(0.5, "happy_a", a=d.a)
    t.tell("play", a=d.a, b=d.b)
    _end(t, d, "give")


def present(t: Teller, d: Draw) -> None:
    o, (c,) = d.thing(), d.spots(1)
    _begin(t, d)
    t.tell("present", a=d.a, b=d.b, o=o)
    t.tell("hide", a=d.a, o=o, c=c)
    t.maybe(0.5, "sad_b", b=d.b)
    t.tell("find", a=d.a, o=o, c=c)
    t.tell("give", a=d.a, b=d.b, o=o)
    t.tell("thanks_b", a=d.a, b=d.b)
    t.maybe(0.5, "play", a=d.a, b=d.b)
    _end(t, d, "give")


def rain(t: Teller, d: Draw) -> None:
    o, (c,) = d.thing(lex.WASHABLE), d.spots(1)
    _begin(t, d)
    t.tell("has", a=d.a, o=o)
    t.maybe(0.4, "day", weather=t.rng.choice(lex.WEATHER))
    t.tell("forget_outside", a=d.a, o=o, c=c)
    t.tell("rain", o=o)
    t.tell("save_wet", b=d.b, o=o, c=c)
    t.tell("dry", o=o)
    t.maybe(0.6, "miss", a=d.a, o=o)
    t.tell("give_back", a=d.a, b=d.b, o=o)
    t.tell("thanks_a", a=d.a, b=d.b)
    _end(t, d, "care")


def blown_away(t: Teller, d: Draw) -> None:
    o, (c,) = d.thing(lex.THROWN), d.spots(1)
    _begin(t, d)
    t.tell("has", a=d.a, o=o)
    _go(t, d, 0.7)
    t.tell("blown", o=o, c=c)
    t.tell("cannot_reach", a=d.a, o=o)
    t.tell("ask_help", a=d.a, b=d.b, o=o)
    t.tell("get_down", b=d.b, o=o)
    t.tell("give_back", a=d.a, b=d.b, o=o)
    t.maybe(0.7, "thanks_a", a=d.a, b=d.b)
    t.maybe(0.5, "home", a=d.a, b=d.b)
    _end(t, d, "help")


def dark(t: Teller, d: Draw) -> None:
    o = d.thing(["lamp"])
    _begin(t, d)
    t.tell("has", a=d.a, o=o)
    t.tell("dark", a=d.a)
    t.tell("noise", a=d.a)
    t.tell("light", a=d.a, o=o)
    t.tell("only_b", a=d.a, b=d.b)
    t.tell("brave", a=d.a)
    t.maybe(0.6, "home", a=d.a, b=d.b)
    _end(t, d, "brave")


def race(t: Teller, d: Draw) -> None:
    _begin(t, d)
    t.tell("boast", a=d.a)
    t.tell("race", a=d.a, b=d.b, place=t.rng.choice(lex.PLACES))
    t.tell("rest", a=d.a)
    t.tell("steady", b=d.b)
    t.tell("win", a=d.a, b=d.b)
    _end(t, d, "steady")


def seed(t: Teller, d: Draw) -> None:
    _begin(t, d)
    t.tell("plant", a=d.a)
    t.tell("water", a=d.a)
    t.tell("wait", a=d.a, b=d.b)
    t.maybe(0.5, "day", weather=t.rng.choice(lex.WEATHER))
    t.tell("grow", a=d.a)
    t.maybe(0.5, "play", a=d.a, b=d.b)
    _end(t, d, "patience")


Plot = Callable[[Teller, Draw], None]
WITH_THING: tuple[Plot, ...] = (lost_thing, sharing, broken, dirty, trade, present, rain, blown_away)
PLOTS: tuple[Plot, ...] = (*WITH_THING, *WITH_THING, lost_friend, hungry, hungry, dark, race, seed)


def tale(rng: random.Random, name: str = "", thing: str = "") -> Teller:
    """A tale, with the name and thing ("red ball") of its hero where given."""
    teller, draw = Teller(rng), Draw(rng, name, thing)
    plots = PLOTS
    if thing:  # the plots that can be about it
        noun = thing.split()[1]
        fits = {dirty: lex.WASHABLE, rain: lex.WASHABLE, broken: lex.BREAKABLE,
                sharing: lex.TOYS, blown_away: lex.THROWN}
        plots = tuple(p for p in WITH_THING if noun in fits.get(p, lex.NOUNS))
    rng.choice(plots)(teller, draw)
    return teller
