"""The words of the small world. Every name has one gender and every noun one place in it."""

from __future__ import annotations

GIRLS = (
    "Mia Anna Lily Rosa Ella Nora Zoe Ivy Clara Emma Luna Sara Maya Ruby Daisy Lucy Hana Tina "
    "Nina Greta Olga Wendy Polly Kate Julia Bella Alma Vera Fay Joan"
).split()
BOYS = (
    "Tom Ben Max Leo Sam Finn Jack Oscar Hugo Theo Paul Adam Noah Carl Eli Felix Ivan Peter "
    "Rob Will Kim Toby Otto Milo Jonas Ned Dan Karl Ravi Omar"
).split()
GIRL_SET = frozenset(GIRLS)
NAMES = GIRLS + BOYS

CHILD = {True: "girl", False: "boy"}
ANIMALS = (
    "fox rabbit bear mouse cat dog frog duck goat pig horse cow sheep hen owl turtle squirrel "
    "hedgehog beaver badger deer wolf lion monkey"
).split()
KINDS = ANIMALS + ["girl", "boy"]
TRAITS = "little kind brave clever cheerful curious gentle quiet young happy shy lively".split()

COLOURS = "red blue green yellow white black pink brown purple grey".split()
SIZES = "small big old new shiny".split()
TOYS = "ball kite doll drum boat car train whistle rope top puzzle robot".split()
WEAR = "hat scarf coat cap ribbon mitten shoe bag".split()
TOOLS = "cup bowl lamp spoon key bell basket book box brush flute stone".split()
NOUNS = TOYS + WEAR + [t for t in TOOLS if t not in ("basket", "box")]
BREAKABLE = "kite drum boat car train whistle robot cup bowl lamp bell flute".split()
WASHABLE = "ball doll hat scarf coat cap ribbon mitten shoe bag rope".split()
THROWN = "ball kite hat cap scarf ribbon".split()

# Where a thing can be put, with its preposition.
SPOTS = (
    ["in the " + c for c in "box basket drawer cupboard chest barn shed cave tent".split()]
    + ["under the " + c for c in "bed table bridge bench tree chair".split()]
    + ["on the " + c for c in "shelf roof wall rug step window".split()]
    + ["behind the " + c for c in "door house fence rock well curtain".split()]
)
PLACES = (
    "park forest garden meadow beach village market farm lake river hill school field castle "
    "orchard".split()
)
FOODS = "apple pear plum carrot cookie bun cake pie peach nut".split()
COUNTED = "apple pear plum carrot nut cookie flower shell stone berry".split()
WEATHER = "sunny warm windy cold bright cloudy".split()
MENDERS = ["some glue", "a bit of string", "a small nail", "a needle and thread", "some tape"]

MORALS = {
    "tidy": ("it is good to put things where they belong", "it is wise to keep things in their place"),
    "share": ("sharing makes friends happy", "it is good to share"),
    "truth": ("it is good to tell the truth", "friends forgive those who tell the truth"),
    "help": ("friends help each other", "it is good to ask for help"),
    "care": ("it is good to take care of things", "a friend helps when things go wrong"),
    "brave": ("things are less scary with a light", "it is good to have a friend in the dark"),
    "steady": ("slow and steady wins the race", "it is not good to boast"),
    "patience": ("good things take time", "it is good to be patient"),
    "give": ("giving is as nice as getting", "a present from a friend is the best of all"),
}
ALL_MORALS = [text for texts in MORALS.values() for text in texts]

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = (
    "January February March April May June July August September October November December"
).split()

NUMBER_WORDS = "zero one two three four five six seven eight nine ten".split()


def is_girl(name: str) -> bool:
    return name in GIRL_SET


def article(phrase: str) -> str:
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def plural(noun: str, count: int = 2) -> str:
    if count == 1:
        return noun
    return {"berry": "berries", "peach": "peaches"}.get(noun, noun + "s")


def counted(count: int, noun: str) -> str:
    """3, "apple": "3 apples"."""
    return f"{count} {plural(noun, count)}"
