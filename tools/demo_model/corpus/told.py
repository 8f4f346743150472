"""Questions about a told tale: a few plain facts, or a whole tale, and what follows from them."""

from __future__ import annotations

import random

from . import lexicon as lex
from .plots import Draw, Teller, tale
from .talk import QA


def few_facts(rng: random.Random) -> Teller:
    """Two or three people with a thing each; some are put down or given away."""
    t, d = Teller(rng), Draw(rng)
    people = rng.sample(lex.NAMES, rng.randint(2, 3))
    things = [d.thing() for _ in people]
    spots = rng.sample(lex.SPOTS, len(people))
    for name in people:
        t.world.introduce(name, lex.CHILD[lex.is_girl(name)])
    for name, thing in zip(people, things):
        t.world.new_thing(thing, name, name)
        t.sentences.append(f"{name} has {lex.article(thing)}.")
    at = rng.randrange(len(people))
    for step in range(rng.randint(0, 2)):
        name, thing = people[(at + step) % len(people)], things[(at + step) % len(people)]
        if rng.random() < 0.6:
            t.world.put(name, thing, spots[step])
            t.sentences.append(f"{name} puts the {thing} {spots[step]}.")
        else:
            other = people[(at + step + 1) % len(people)]
            t.world.give(name, other, thing)
            t.sentences.append(f"{name} gives the {thing} to {other}.")
    return t


def _fact_questions(t: Teller) -> list[QA]:
    out: list[QA] = []
    for name, thing in t.world.things.items():
        if thing.spot:
            out.append((f"Where is the {name}?", f"The {name} is {thing.spot}."))
        else:
            out.append((f"Who has the {name}?", f"{thing.holder} has the {name}."))
    return out


def _tale_questions(t: Teller) -> list[QA]:
    out: list[QA] = []
    told = dict(t.told)
    opened = told["open"]
    a = opened["a"]
    if opened["kind"] not in ("girl", "boy"):
        out.append((f"What kind of animal is {a}?", f"{a} is {lex.article(opened['kind'])}."))
    if "friend" in told:
        out.append((f"Who is the friend of {a}?", f"The friend of {a} is {told['friend']['b']}."))
    if "has" in told:
        thing = told["has"]["o"]
        out.append((f"What did {a} have?", f"{a} had {lex.article(thing)}."))
        look, noun = thing.split()
        if look in lex.COLOURS:
            out.append((f"What colour is the {noun}?", f"The {noun} is {look}."))
    for event in ("put", "hide", "forget_outside", "blown"):
        if event in told:
            v = told[event]
            out.append((f"Where was the {v['o']}?", f"The {v['o']} was {v['c']}."))
    if t.world.place:
        out.append(("Where did they go?", f"They went to the {t.world.place}."))
    for name, thing in t.world.things.items():
        if thing.holder:
            out.append((f"Who has the {name} at the end?", f"{thing.holder} has the {name}."))
    if "share_some" in told:
        v = told["share_some"]
        out.append((f"How many did {a} give to {v['b']}?", f"{a} gave {v['m']} to {v['b']}."))
    if "moral" in told:
        out.append((f"What did {a} learn?", f"{a} learned that {told['moral']['moral']}."))
    return out


def told(rng: random.Random) -> tuple[str, list[QA]]:
    """A text, and questions about it with their answers, in a drawn order."""
    if rng.random() < 0.55:
        teller = few_facts(rng)
        questions = _fact_questions(teller)
    else:
        teller = tale(rng)
        questions = _tale_questions(teller)
    rng.shuffle(questions)
    return teller.text(), questions


def told_question(rng: random.Random) -> QA:
    """The text and one question, as one message."""
    text, questions = told(rng)
    question, answer = questions[0]
    return f"{text} {question}", answer
