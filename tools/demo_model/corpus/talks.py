"""Talks of one or several turns, and which questions are held out of them."""

from __future__ import annotations

import random
import zlib

from . import lexicon as lex
from .plots import tale
from .talk import KINDS, QA
from .told import told, told_question

Message = tuple[str, str]  # role, text

# Every question whose checksum is divisible by this is never trained on, whatever its kind: the
# questions of the evaluation are of these alone.
HELD_OUT_ONE_IN = 16


def is_held_out(question: str) -> bool:
    return zlib.crc32(question.encode()) % HELD_OUT_ONE_IN == 0


# Kinds of a talk's question, and how often each is asked.
SHARES = {
    "arithmetic": 30, "comparing": 12, "counting": 9, "days": 7, "colours": 5, "facts": 5,
    "told": 20, "lists": 6, "records": 6,
}  # fmt: skip
_ALL = list(SHARES)
_WEIGHTS = list(SHARES.values())


def question(rng: random.Random, kind: str, held_out: bool = False) -> QA:
    """One of the kind, from the trained or the held-out ones."""
    make = told_question if kind == "told" else KINDS[kind]
    while True:
        asked, answer = make(rng)
        if is_held_out(asked) == held_out:
            return asked, answer


SYSTEM = (
    "You are a helpful assistant.",
    "You are a kind teller of tales.",
    "Answer in one short sentence.",
    "You are weft, a small model.",
)
GREETINGS = ("Hello!", "Hi!", "Hello.", "Hi there!", "Good morning!", "Hey!", "Hello there!", "Hi")
GREETED = ("Hello! How can I help you?",)
HOW_ARE_YOU = ("How are you?", "How are you today?", "How do you do?")
WHO = ("Who are you?", "What are you?", "What is your name?", "Tell me about yourself.")
WHO_SAYS = (
    "I am a very small model. I can tell little tales, add and take away numbers up to 20, "
    "and answer simple questions."
)
WHAT_CAN = ("What can you do?", "What do you know?", "How can you help me?", "Help")
THANKS = ("Thank you!", "Thanks!", "Thank you.", "Thanks.")
BYE = ("Bye!", "Goodbye!", "Good night!", "See you!")


def _small_talk(rng: random.Random) -> list[Message]:
    way = rng.randrange(6)
    if way == 0:
        return [("user", rng.choice(GREETINGS)), ("assistant", rng.choice(GREETED))]
    if way == 1:
        return [("user", rng.choice(HOW_ARE_YOU)), ("assistant", "I am fine, thank you.")]
    if way == 2:
        return [("user", rng.choice(WHO + WHAT_CAN)), ("assistant", WHO_SAYS)]
    if way == 3:
        return [("user", rng.choice(THANKS)), ("assistant", "You are welcome!")]
    if way == 4:
        return [("user", rng.choice(BYE)), ("assistant", "Goodbye!")]
    name = rng.choice(lex.NAMES)
    says = rng.choice((f"My name is {name}.", f"I am {name}.", f"Hello, I am {name}."))
    talk = [("user", says), ("assistant", f"Hello, {name}! How can I help you?")]
    if rng.random() < 0.5:
        kind = rng.choices(_ALL, _WEIGHTS)[0]
        asked, answer = question(rng, kind)
        talk += [("user", asked), ("assistant", answer)]
    if rng.random() < 0.8:
        talk += [("user", "What is my name?"), ("assistant", f"Your name is {name}.")]
    return talk


def _wanted_tale(rng: random.Random) -> list[Message]:
    name = rng.choice(lex.NAMES)
    thing = f"{rng.choice(lex.COLOURS + lex.SIZES)} {rng.choice(lex.NOUNS)}"
    way = rng.randrange(4)
    word = rng.choice(("tale", "story"))
    if way == 0:
        asked = rng.choice((f"Tell me a {word}.", f"Please tell me a {word}.", f"Tell a {word}!",
                            f"Can you tell me a {word}?"))
        return [("user", asked), ("assistant", tale(rng).text())]
    if way == 1:
        asked = rng.choice((f"Tell me a {word} about {name}.", f"A {word} about {name}, please."))
        return [("user", asked), ("assistant", tale(rng, name).text())]
    asked = rng.choice((
        f"Tell me a {word} about {name} and {lex.article(thing)}.",
        f"Please tell me a {word} about {name} and {lex.article(thing)}.",
        f"A {word} about {name} and {lex.article(thing)}, please.",
    ))
    return [("user", asked), ("assistant", tale(rng, name, thing).text())]


def _told_talk(rng: random.Random) -> list[Message]:
    """A text, then several questions about it, a turn each."""
    text, questions = told(rng)
    talk: list[Message] = []
    for at, (asked, answer) in enumerate(questions[: rng.randint(2, 3)]):
        talk += [("user", f"{text} {asked}" if at == 0 else asked), ("assistant", answer)]
    return talk


def talk(rng: random.Random) -> list[Message]:
    """A talk whose every question may be trained on."""
    while True:
        way = rng.random()
        if way < 0.12:
            messages = _small_talk(rng)
        elif way < 0.24:
            messages = _wanted_tale(rng)
        elif way < 0.34:
            messages = _told_talk(rng)
        else:
            messages = []
            for _ in range(rng.choice((1, 2, 3, 4))):
                asked, answer = question(rng, rng.choices(_ALL, _WEIGHTS)[0])
                messages += [("user", asked), ("assistant", answer)]
            if rng.random() < 0.1:
                first = [("user", rng.choice(GREETINGS)), ("assistant", rng.choice(GREETED))]
                messages = first + messages
        if rng.random() < 0.1:
            messages = [("system", rng.choice(SYSTEM)), *messages]
        held = any(role == "user" and is_held_out(text) for role, text in messages[:2])
        if not held or way < 0.24:  # greetings and requests for a tale are no questions of the test
            return messages
