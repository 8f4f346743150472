"""Questions with their one right answer, by kind: numbers, comparing, counting, days, facts, lists
and records. told.py has those about a tale, talks.py puts them into talks.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from . import lexicon as lex
from .wording import pronoun

QA = tuple[str, str]
MOST = 20  # arithmetic stays within 0 and this


def _sum_pair(rng: random.Random) -> tuple[int, int]:
    """Every pair with a sum up to MOST equally often."""
    while True:
        a, b = rng.randint(0, MOST), rng.randint(0, MOST)
        if a + b <= MOST:
            return a, b


def addition(rng: random.Random) -> QA:
    a, b = _sum_pair(rng)
    words, signs = f"{a} plus {b} is {a + b}.", f"{a} + {b} = {a + b}"
    return rng.choice([
        (f"What is {a} plus {b}?", words),
        (f"How much is {a} plus {b}?", words),
        (f"Add {a} and {b}.", words),
        (f"Please add {a} and {b}.", words),
        (f"Tell me what {a} plus {b} is.", words),
        (f"Can you add {a} and {b}?", words),
        (f"What do you get when you add {a} and {b}?", words),
        (f"{a} plus {b}?", words),
        (f"What is the sum of {a} and {b}?", words),
        (f"{a} + {b} = ?", signs),
        (f"{a} + {b}", signs),
        (f"What is {a} + {b}?", signs),
    ])


def subtraction(rng: random.Random) -> QA:
    c, b = _sum_pair(rng)
    a = b + c
    words, signs = f"{a} minus {b} is {c}.", f"{a} - {b} = {c}"
    return rng.choice([
        (f"What is {a} minus {b}?", words),
        (f"How much is {a} minus {b}?", words),
        (f"Take {b} away from {a}.", words),
        (f"Please take {b} away from {a}.", words),
        (f"Tell me what {a} minus {b} is.", words),
        (f"What is left when you take {b} away from {a}?", words),
        (f"{a} minus {b}?", words),
        (f"What is {a} take away {b}?", words),
        (f"{a} - {b} = ?", signs),
        (f"{a} - {b}", signs),
        (f"What is {a} - {b}?", signs),
    ])


def _has(name: str, count: int, noun: str, tail: str = "") -> str:
    return f"{name} has {lex.counted(count, noun)}{tail}."


def word_problem(rng: random.Random) -> QA:
    a, b = rng.sample(lex.NAMES, 2)
    noun = rng.choice(lex.COUNTED)
    many = lex.plural(noun)
    she = pronoun("she", a).capitalize()
    n, m = _sum_pair(rng)
    if rng.random() < 0.5:
        n, m = max(n, 1), max(m, 1)
        if n + m > MOST:
            n -= 1
        return rng.choice([
            (f"{a} has {lex.counted(n, noun)}. {she} gets {m} more. "
             f"How many {many} does {a} have now?", _has(a, n + m, noun)),
            (f"{a} has {lex.counted(n, noun)} and {b} has {lex.counted(m, noun)}. "
             f"How many {many} do they have together?",
             f"Together they have {lex.counted(n + m, noun)}."),
            (f"{a} has {lex.counted(n, noun)}. {b} gives {a} {m} more. "
             f"How many {many} does {a} have?", _has(a, n + m, noun)),
        ])
    total, m = max(n + m, 2), max(1, m)
    m = min(m, total - 1)
    left = total - m
    return rng.choice([
        (f"{a} has {lex.counted(total, noun)}. {she} gives {m} to {b}. "
         f"How many {many} does {a} have left?", _has(a, left, noun, " left")),
        (f"{a} has {lex.counted(total, noun)}. {she} loses {m}. "
         f"How many {many} are left?", _has(a, left, noun, " left")),
        (f"{a} had {lex.counted(total, noun)} and gave {m} away. "
         f"How many {many} does {a} have left?", _has(a, left, noun, " left")),
    ])


def arithmetic(rng: random.Random) -> QA:
    return rng.choice((addition, subtraction, addition, subtraction, word_problem))(rng)


def comparing(rng: random.Random) -> QA:
    a, b = rng.sample(range(MOST + 1), 2)
    big, small = max(a, b), min(a, b)
    way = rng.randrange(9)
    if way < 2:
        asked = rng.choice(("Which is bigger,", "Which number is bigger:", "What is more,"))
        return f"{asked} {a} or {b}?", f"{big} is bigger than {small}."
    if way < 4:
        asked = rng.choice(("Which is smaller,", "Which number is smaller:", "What is less,"))
        return f"{asked} {a} or {b}?", f"{small} is smaller than {big}."
    if way == 4:
        word = "bigger" if a > b else "smaller"
        return f"Is {a} bigger than {b}?", f"{'Yes' if a > b else 'No'}, {a} is {word} than {b}."
    if way == 5:
        word = "smaller" if a < b else "bigger"
        return f"Is {a} smaller than {b}?", f"{'Yes' if a < b else 'No'}, {a} is {word} than {b}."
    if way == 6:
        three = rng.sample(range(MOST + 1), 3)
        listed = f"{three[0]}, {three[1]} and {three[2]}"
        if rng.random() < 0.5:
            return f"What is the biggest of {listed}?", f"The biggest is {max(three)}."
        return f"What is the smallest of {listed}?", f"The smallest is {min(three)}."
    one, two = rng.sample(lex.NAMES, 2)
    noun = rng.choice(lex.COUNTED)
    a, b = max(a, 1), max(b, 1)
    if a == b:
        a += 1
    told = f"{one} has {lex.counted(a, noun)} and {two} has {lex.counted(b, noun)}."
    if way == 7:
        return f"{told} Who has more?", f"{one if a > b else two} has more."
    return f"{told} Who has fewer?", f"{one if a < b else two} has fewer."


def counting(rng: random.Random) -> QA:
    way = rng.randrange(8)
    if way < 2:
        low = rng.randint(0, 16)
        high = rng.randint(low + 2, min(low + 10, MOST))
        up = ", ".join(map(str, range(low, high + 1)))
        down = ", ".join(map(str, range(high, low - 1, -1)))
        return rng.choice([
            (f"Count from {low} to {high}.", up),
            (f"Please count from {low} to {high}.", up),
            (f"Can you count from {low} to {high}?", up),
            (f"Count down from {high} to {low}.", down),
            (f"Count backwards from {high} to {low}.", down),
        ])
    n = rng.randint(1, 19)
    if way < 4:
        return rng.choice([
            (f"What number comes after {n}?", f"{n + 1} comes after {n}."),
            (f"Which number comes after {n}?", f"{n + 1} comes after {n}."),
            (f"What comes right after {n}?", f"{n + 1} comes after {n}."),
            (f"What number comes before {n}?", f"{n - 1} comes before {n}."),
            (f"Which number comes before {n}?", f"{n - 1} comes before {n}."),
            (f"What comes right before {n}?", f"{n - 1} comes before {n}."),
            (f"Which number is between {n - 1} and {n + 1}?", f"{n} is between them."),
        ])
    noun = rng.choice(lex.COUNTED + lex.NOUNS)
    count = rng.randint(1, 8)
    if way < 6:
        row = ", ".join([noun] * count)
        there = "There is" if count == 1 else "There are"
        return f"How many times do I say {noun}? {row}", f"{there} {lex.counted(count, noun)}."
    count = rng.randint(2, 7)
    words = rng.sample(lex.COUNTED + lex.NOUNS + lex.ANIMALS, count)
    return f"How many words are here: {', '.join(words)}?", f"There are {count} words."


def days(rng: random.Random) -> QA:
    at = rng.randrange(7)
    day, after, before = lex.DAYS[at], lex.DAYS[(at + 1) % 7], lex.DAYS[at - 1]
    two = lex.DAYS[(at + 2) % 7]
    m = rng.randrange(12)
    month, next_month, last_month = lex.MONTHS[m], lex.MONTHS[(m + 1) % 12], lex.MONTHS[m - 1]
    return rng.choice([
        (f"What day comes after {day}?", f"{after} comes after {day}."),
        (f"Which day comes after {day}?", f"{after} comes after {day}."),
        (f"What is the day after {day}?", f"{after} comes after {day}."),
        (f"What day comes before {day}?", f"{before} comes before {day}."),
        (f"Which day comes before {day}?", f"{before} comes before {day}."),
        (f"What is the day before {day}?", f"{before} comes before {day}."),
        (f"Today is {day}. What day is tomorrow?", f"Tomorrow is {after}."),
        (f"If today is {day}, what day is tomorrow?", f"Tomorrow is {after}."),
        (f"Today is {day}. What day was yesterday?", f"Yesterday was {before}."),
        (f"If today is {day}, what day was yesterday?", f"Yesterday was {before}."),
        (f"What day is two days after {day}?", f"Two days after {day} is {two}."),
        (f"Today is {day}. What day is it in two days?", f"In two days it is {two}."),
        (f"Which month comes after {month}?", f"{next_month} comes after {month}."),
        (f"What month comes after {month}?", f"{next_month} comes after {month}."),
        (f"Which month comes before {month}?", f"{last_month} comes before {month}."),
        (f"What month comes before {month}?", f"{last_month} comes before {month}."),
    ])


COLOUR_OF = {
    "the sky": "blue", "grass": "green", "snow": "white", "the sun": "yellow", "a frog": "green",
    "milk": "white", "a carrot": "orange", "a strawberry": "red", "a banana": "yellow",
    "a cloud": "white", "coal": "black", "an elephant": "grey", "a pig": "pink", "chocolate": "brown",
    "a lemon": "yellow", "the sea": "blue", "a leaf": "green", "a tomato": "red", "the night": "black",
    "a plum": "purple", "an orange": "orange", "a raven": "black", "a bear": "brown", "salt": "white",
}
MIXED = {("blue", "yellow"): "green", ("red", "yellow"): "orange", ("red", "blue"): "purple",
         ("red", "white"): "pink", ("black", "white"): "grey"}


def colours(rng: random.Random) -> QA:
    if rng.random() < 0.25:
        (one, two), made = rng.choice(list(MIXED.items()))
        if rng.random() < 0.5:
            one, two = two, one
        says = f"{one.capitalize()} and {two} make {made}."
        return rng.choice([
            (f"What do {one} and {two} make?", says),
            (f"What colour do {one} and {two} make?", says),
            (f"What do you get when you mix {one} and {two}?", says),
            (f"I mix {one} and {two}. What colour is it?", says),
        ])
    thing, colour = rng.choice(list(COLOUR_OF.items()))
    says = f"{thing.capitalize()} is {colour}."
    return rng.choice([
        (f"What colour is {thing}?", says),
        (f"Which colour is {thing}?", says),
        (f"Tell me the colour of {thing}.", says),
        (f"What is the colour of {thing}?", says),
        (f"Do you know what colour {thing} is?", says),
    ])


SOUNDS = {"cow": "moo", "dog": "woof", "cat": "meow", "duck": "quack", "sheep": "baa", "pig": "oink",
          "horse": "neigh", "hen": "cluck", "frog": "croak", "owl": "hoot", "lion": "roar",
          "wolf": "howl"}
YOUNG = {"cow": "calf", "dog": "puppy", "cat": "kitten", "duck": "duckling", "sheep": "lamb",
         "pig": "piglet", "horse": "foal", "hen": "chick", "frog": "tadpole", "bear": "cub",
         "goat": "kid", "deer": "fawn"}
LEGS = {"duck": 2, "hen": 2, "owl": 2, "cow": 4, "dog": 4, "cat": 4, "horse": 4, "sheep": 4,
        "fox": 4, "goat": 4, "ant": 6, "bee": 6, "spider": 8}
OPPOSITES = [("big", "small"), ("hot", "cold"), ("old", "new"), ("happy", "sad"), ("up", "down"),
             ("fast", "slow"), ("day", "night"), ("wet", "dry"), ("clean", "dirty"), ("open", "shut"),
             ("long", "short"), ("full", "empty"), ("light", "dark"), ("good", "bad"), ("loud", "quiet")]


def facts(rng: random.Random) -> QA:
    way = rng.randrange(4)
    if way == 0:
        animal, sound = rng.choice(list(SOUNDS.items()))
        says = f"{lex.article(animal).capitalize()} says {sound}."
        return rng.choice([
            (f"What does a {animal} say?" if animal[0] != "o" else f"What does an {animal} say?", says),
            (f"What sound does {lex.article(animal)} make?", says),
            (f"Which animal says {sound}?", says),
        ])
    if way == 1:
        animal, young = rng.choice(list(YOUNG.items()))
        says = f"A young {animal} is called a {young}."
        return rng.choice([
            (f"What is a young {animal} called?", says),
            (f"What do you call a young {animal}?", says),
            (f"What is the name for a baby {animal}?", says),
        ])
    if way == 2:
        animal, legs = rng.choice(list(LEGS.items()))
        says = f"{lex.article(animal).capitalize()} has {legs} legs."
        return rng.choice([
            (f"How many legs does {lex.article(animal)} have?", says),
            (f"How many legs has {lex.article(animal)} got?", says),
            (f"Tell me how many legs {lex.article(animal)} has.", says),
        ])
    one, two = rng.choice(OPPOSITES)
    if rng.random() < 0.5:
        one, two = two, one
    says = f"The opposite of {one} is {two}."
    return rng.choice([
        (f"What is the opposite of {one}?", says),
        (f"Tell me the opposite of {one}.", says),
        (f"What is the opposite of the word {one}?", says),
    ])


def lists(rng: random.Random) -> QA:
    if rng.random() < 0.3:
        numbers = rng.sample(range(MOST + 1), rng.randint(3, 4))
        asked = rng.choice(("Put these numbers in order:", "Sort these numbers:"))
        return f"{asked} {', '.join(map(str, numbers))}", ", ".join(map(str, sorted(numbers)))
    pool = rng.choice((lex.COUNTED, lex.NOUNS, lex.ANIMALS, lex.COLOURS, lex.NAMES))
    items = rng.sample(pool, rng.randint(2, 5))
    listed = ", ".join(items[:-1]) + " and " + items[-1]
    numbered = "\n".join(f"{at}. {item}" for at, item in enumerate(items, 1))
    dashed = "\n".join(f"- {item}" for item in items)
    return rng.choice([
        (f"Make a list of {listed}.", dashed),
        (f"Write a list: {listed}.", dashed),
        (f"Give me {listed} as a list.", dashed),
        (f"Make a numbered list of {listed}.", numbered),
        (f"Number these: {listed}.", numbered),
        (f"Give me {listed} as a numbered list.", numbered),
    ])


def records(rng: random.Random) -> QA:
    name, age = rng.choice(lex.NAMES), rng.randint(3, 12)
    if rng.random() < 0.3:
        one, two = rng.sample(lex.COUNTED, 2)
        n, m = rng.randint(2, MOST), rng.randint(2, MOST)
        ones, twos = lex.plural(one), lex.plural(two)
        says = f'{{"{ones}": {n}, "{twos}": {m}}}'
        return rng.choice([
            (f"Write as JSON: {n} {ones} and {m} {twos}.", says),
            (f"Make a JSON record of {n} {ones} and {m} {twos}.", says),
        ])
    thing = f"{rng.choice(lex.COLOURS + lex.SIZES)} {rng.choice(lex.NOUNS)}"
    says = f'{{"name": "{name}", "age": {age}, "thing": "{thing}"}}'
    return rng.choice([
        (f"Write a JSON record: name {name}, age {age}, thing {thing}.", says),
        (f"{name} is {age} years old and has {lex.article(thing)}. Write that as JSON.", says),
        (f"Write as JSON: {name} is {age} years old and has {lex.article(thing)}.", says),
        (f"Make a JSON record for {name}, who is {age} and has {lex.article(thing)}.", says),
    ])


KINDS: dict[str, Callable[[random.Random], QA]] = {
    "arithmetic": arithmetic,
    "comparing": comparing,
    "counting": counting,
    "days": days,
    "colours": colours,
    "facts": facts,
    "lists": lists,
    "records": records,
}
