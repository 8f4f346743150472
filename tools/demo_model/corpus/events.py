"""The events of a tale: how each is worded, and what it asks of the world and changes in it.

One table for both directions: plots.py tells events, tale_checker.py recognises them. A rule takes
the world and the values of the wording's slots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import lexicon as lex
from .world import World

Values = dict[str, str]
Rule = Callable[[World, Values], None]


@dataclass(frozen=True)
class Event:
    name: str
    wordings: tuple[str, ...]
    rule: Rule


EVENTS: dict[str, Event] = {}


def event(name: str, *wordings: str) -> Callable[[Rule], Rule]:
    def add(rule: Rule) -> Rule:
        EVENTS[name] = Event(name, wordings, rule)
        return rule

    return add


def simple(name: str, needs: str, *wordings: str, mood: str = "") -> None:
    """An event that needs its people known (slots by letter), and may leave `a` in a mood."""

    def rule(w: World, v: Values) -> None:
        w.known(*(v[slot] for slot in needs if slot in v))
        if mood:
            w.feel(v["a"], mood)

    event(name, *wordings)(rule)


# Who is there.


@event(
    "open",
    "Once upon a time there was a {trait} {kind} named {a}.",
    "Once upon a time, a {trait} {kind} named {a} lived [near|by] the {place}.",
    "Once upon a time, in a [small|quiet|far] village, there lived a {trait} {kind} named {a}.",
    "Once upon a time there lived a {trait} {kind} [named|called] {a}.",
    "There was once a {trait} {kind} named {a}.",
    "Long ago there lived a {trait} {kind} named {a}.",
    "One day, a {trait} {kind} named {a} woke up early.",
    "{a} was a {trait} {kind} who lived near the {place}.",
    "In a house by the {place} lived a {trait} {kind} named {a}.",
)
def _(w: World, v: Values) -> None:
    w.introduce(v["a"], v["kind"])


@event(
    "friend",
    "{A} had a friend, {an_kind_b} named {b}.",
    "{A} had a [good|dear] friend named {b}, who was {an_kind_b}.",
    "{her_a} best friend was {an_kind_b} named {b}.",
    "{A} lived next door to {an_kind_b} named {b}.",
    "{A} and {an_kind_b} named {b} were [good|best|old] friends.",
)
def _(w: World, v: Values) -> None:
    w.introduce(v["b"], v["kind_b"])


@event(
    "meet",
    "On the way {she_a} met {an_kind_b} named {b}.",
    "There {she_a} met {an_kind_b} named {b}.",
    "Soon {an_kind_b} named {b} came by.",
    "Just then {an_kind_b} named {b} came along.",
)
def _(w: World, v: Values) -> None:
    w.introduce(v["b"], v["kind_b"])


@event(
    "has",
    "{A} had {an_o}.",
    "{A} had {an_o} that {she_a} loved very much.",
    "{A} owned {an_o}.",
    "{her_a} favourite thing was {an_o}.",
    "For {her_a} birthday {a} had got {an_o}.",
)
def _(w: World, v: Values) -> None:
    w.new_thing(v["o"], v["a"], v["a"])


@event("has_too", "{b} had {an_p}.", "And {b} had {an_p}.", "{b} owned {an_p}.")
def _(w: World, v: Values) -> None:
    w.new_thing(v["p"], v["b"], v["b"])


@event(
    "go",
    "One [day|morning], {a} and {b} went to the {place}.",
    "One {weather} [day|morning], {a} and {b} walked to the {place}.",
    "[One|That] afternoon, {a} and {b} played at the {place}.",
)
def _(w: World, v: Values) -> None:
    w.known(v["a"], v["b"])
    w.go(v["place"])


@event(
    "go_alone",
    "One [day|morning], {a} went to the {place}.",
    "One {weather} [day|morning], {a} walked to the {place}.",
    "{A} went to the {place} one {weather} [day|morning|afternoon].",
)
def _(w: World, v: Values) -> None:
    w.known(v["a"])
    w.go(v["place"])


@event(
    "bring",
    "{A} took the {o} along.",
    "{A} brought the {o} with {him_a}.",
    "Of course {she_a} took the {o} with {him_a}.",
)
def _(w: World, v: Values) -> None:
    w.holds(v["a"], v["o"])


# Putting, looking, finding.


@event(
    "put",
    "{A} put the {o} {c}.",
    "[Then |Before lunch, |In the evening, ]{A} put the {o} {c}.",
    "{A} left the {o} {c} and [went home|went to bed|ran off to play].",
    "{A} laid the {o} {c}[ very carefully| and forgot about it|].",
)
def _(w: World, v: Values) -> None:
    w.put(v["a"], v["o"], v["c"])


@event("hide", "{A} hid the {o} {c}.", "{A} hid the {o} {c}, so that nobody would see it.")
def _(w: World, v: Values) -> None:
    w.put(v["a"], v["o"], v["c"])


@event(
    "miss",
    "[The next day|Later|After a while], {a} wanted the {o}, but could not remember where it was.",
    "[The next day|Later|The next morning], {a} [could not find|was looking for] the {o}.",
    '"Where is my {o}?" [asked|cried|said] {a}.',
    '"Oh no! I cannot find my {o}," said {a}.',
)
def _(w: World, v: Values) -> None:
    w.known(v["a"])
    w.need(w.thing(v["o"]).holder != v["a"], f"{v['a']} has the {v['o']}")


@event(
    "look",
    "{A} looked {c}, but the {o} was not there.",
    "[First |]{A} searched {c}, but there was no {o}.",
    "{A} looked {c}. No {o} there.",
)
def _(w: World, v: Values) -> None:
    w.known(v["a"])
    w.lies_not(v["o"], v["c"])


@event(
    "tell_where",
    '"You put the {o} {c}," said {b}.',
    '"I saw the {o} {c}," said {b}.',
    '"Look {c}," said {b}. "The {o} is there."',
    '{b} said, "I think the {o} is {c}."',
)
def _(w: World, v: Values) -> None:
    w.known(v["b"])
    w.lies(v["o"], v["c"])


@event(
    "find",
    "[And |At last ]{a} found the {o} {c}.",
    "{A} looked {c}, and there was the {o}!",
    "{A} ran and found the {o} {c}.",
    "And there it was: the {o} was {c}, and {a} picked it up.",
)
def _(w: World, v: Values) -> None:
    w.lies(v["o"], v["c"])
    w.take(v["a"], v["o"])


# Giving, asking, sharing.


@event(
    "ask",
    '"[Can|May] I play with the {o}?" asked {b}.',
    '{b} wanted the {o} too. "Please, may I have a turn?" {she_b} asked.',
    '"Will you share the {o} with me?" asked {b}.',
)
def _(w: World, v: Values) -> None:
    w.known(v["b"])
    w.need(w.thing(v["o"]).holder != v["b"], f"{v['b']} has the {v['o']}")


@event(
    "refuse",
    '"No, the {o} is mine!" said {a}.',
    '"No," said {a} and held the {o} tight.',
    "But {a} did not want to share the {o}.",
)
def _(w: World, v: Values) -> None:
    w.holds(v["a"], v["o"])


@event("sad_b", "{b} was [very |]sad.", "{b} sat down and cried.", "Then {b} felt [sad|lonely].")
def _(w: World, v: Values) -> None:
    w.feel(v["b"], "sad")


@event(
    "see_sad",
    "When {a} saw that {b} was sad, {she_a} felt sorry.",
    "{a} saw that {b} was sad and felt sorry.",
    "It was no fun for {a} when {b} was so sad.",
)
def _(w: World, v: Values) -> None:
    w.known(v["a"])
    w.feels(v["b"], "sad")


@event(
    "give",
    "{A} gave the {o} to {b}.",
    '"Here you are," said {a} and gave the {o} to {b}.',
    "So {a} gave {b} the {o}.",
    "[Then |]{a} handed the {o} to {b}.",
)
def _(w: World, v: Values) -> None:
    w.give(v["a"], v["b"], v["o"])
    w.moods[v["b"]].discard("sad")


@event(
    "give_back",
    "[Then |]{b} gave the {o} back to {a}.",
    '"Here is your {o}," said {b} and gave it back to {a}.',
    "In the evening, {b} gave the {o} back to {a}.",
)
def _(w: World, v: Values) -> None:
    w.owns(v["a"], v["o"])
    w.give(v["b"], v["a"], v["o"])


@event(
    "swap",
    "So they swapped: {a} took the {p} and {b} took the {o}.",
    "{a} gave {b} the {o}, and {b} gave {a} the {p}.",
)
def _(w: World, v: Values) -> None:
    w.give(v["a"], v["b"], v["o"])
    w.give(v["b"], v["a"], v["p"])
    w.own(v["b"], v["o"])
    w.own(v["a"], v["p"])


@event(
    "like_other",
    "{a} liked the {p}, and {b} liked the {o}.",
    '"I like your {p}," said {a}. "And I like your {o}," said {b}.',
)
def _(w: World, v: Values) -> None:
    w.known(v["a"], v["b"])
    w.owns(v["a"], v["o"])
    w.owns(v["b"], v["p"])


@event(
    "present",
    "It was {her_b} birthday, and {a} wanted to give {b} {an_o}.",
    "{A} made {an_o} for {her_b} birthday. {b} knew nothing of it.",
    "{A} had {an_o} as a present for {b}.",
)
def _(w: World, v: Values) -> None:
    w.known(v["a"], v["b"])
    w.new_thing(v["o"], v["a"], v["a"])


# Breaking and mending.


@event(
    "lend",
    "{A} let {b} [play with|hold] the {o}.",
    '"You may hold the {o}, {b}," said {a}.',
)
def _(w: World, v: Values) -> None:
    w.give(v["a"], v["b"], v["o"])


@event(
    "break",
    "But {b} dropped the {o}, and it broke.",
    "Then {b} slipped and fell, and the {o} broke.",
    "[Oh no! |]The {o} fell out of {her_b} hands. {b} had broken it.",
)
def _(w: World, v: Values) -> None:
    w.holds(v["b"], v["o"])
    w.mark(v["o"], "broken")


@event(
    "own_up",
    '"I am sorry," said {b}. "I broke your {o}."',
    '{b} told {a} the truth. "I broke the {o}. I am so sorry."',
)
def _(w: World, v: Values) -> None:
    w.known(v["b"])
    w.is_marked(v["o"], "broken")


@event(
    "forgive",
    '"Thank you for telling the truth," said {a}.',
    '"I am not angry," said {a}. "We can mend it."',
    "{a} was sad at first, but then {she_a} smiled.",
)
def _(w: World, v: Values) -> None:
    w.known(v["a"])


@event(
    "mend",
    "[Together |]{a} and {b} mended the {o} with {mend}.",
    "{b} got {mend}, and together they mended the {o}.",
    "With {mend}, {b} made the {o} whole again.",
)
def _(w: World, v: Values) -> None:
    w.known(v["b"])
    w.unmark(v["o"], "broken")


@event("like_new", "Now the {o} was as good as new.", "The {o} looked as good as before.")
def _(w: World, v: Values) -> None:
    w.need(not w.thing(v["o"]).states, f"the {v['o']} is still {w.thing(v['o']).states}")


# Dirt, water and wind.


@event(
    "mud",
    "{A} slipped, and the {o} fell into the mud.",
    "But {a} dropped the {o} in the mud.",
)
def _(w: World, v: Values) -> None:
    w.holds(v["a"], v["o"])
    w.mark(v["o"], "dirty")


@event("is_dirty", "Now the {o} was [very |]dirty.", "How dirty the {o} was!")
def _(w: World, v: Values) -> None:
    w.is_marked(v["o"], "dirty")


@event(
    "wash",
    "{b} helped {a} to wash the {o} with [soap and water|warm water].",
    "Together {a} and {b} washed the {o}.",
)
def _(w: World, v: Values) -> None:
    w.known(v["a"], v["b"])
    w.unmark(v["o"], "dirty")
    w.mark(v["o"], "wet")


@event(
    "dry",
    "They hung the {o} in the sun, and soon it was dry.",
    "The wind blew, and soon the {o} was dry[ again|].",
    "By the fire the {o} was soon dry[ again|].",
)
def _(w: World, v: Values) -> None:
    w.unmark(v["o"], "wet")


@event(
    "rain",
    "In the night it began to rain, and the {o} got wet.",
    "Then it rained and rained. The {o} got very wet.",
)
def _(w: World, v: Values) -> None:
    w.need(w.thing(v["o"]).holder is None, f"the {v['o']} is not outside")
    w.mark(v["o"], "wet")


@event(
    "forget_outside",
    "In the evening {a} went home and forgot the {o} {c}.",
    "{A} left the {o} {c} and ran home to eat.",
)
def _(w: World, v: Values) -> None:
    w.put(v["a"], v["o"], v["c"])


@event(
    "save_wet",
    "{b} saw the {o} {c} and took it into the house.",
    "{b} found the {o} {c} and carried it home.",
)
def _(w: World, v: Values) -> None:
    w.lies(v["o"], v["c"])
    w.is_marked(v["o"], "wet")
    w.take(v["b"], v["o"])


@event(
    "blown",
    "A strong wind took the {o} and blew it {c}.",
    "Suddenly the wind blew the {o} away. It came down {c}.",
)
def _(w: World, v: Values) -> None:
    w.need(w.thing(v["o"]).holder is not None, f"the {v['o']} lies already")
    w.drop(v["o"], v["c"])


@event(
    "cannot_reach",
    "{A} tried to get the {o}, but could not reach it.",
    "{A} jumped and jumped, but the {o} was too [high|far away].",
)
def _(w: World, v: Values) -> None:
    w.known(v["a"])
    w.need(w.thing(v["o"]).holder is None, f"somebody has the {v['o']}")


@event(
    "ask_help",
    '"Can you help me, {b}?" asked {a}.',
    '"Please help me to get the {o}," said {a} to {b}.',
)
def _(w: World, v: Values) -> None:
    w.known(v["a"], v["b"])
    if "o" in v:
        w.thing(v["o"])


@event(
    "get_down",
    "{b} took a long stick and got the {o} down.",
    "{b} climbed up and got the {o}.",
    "{b} was very tall and picked up the {o}.",
)
def _(w: World, v: Values) -> None:
    w.take(v["b"], v["o"])


# Food and numbers.


@event(
    "gather",
    "{A} found {n} {what}.",
    "{A} had {n} {what} in a bag.",
    "{A} picked up {n} {what}.",
)
def _(w: World, v: Values) -> None:
    w.known(v["a"])
    w.counts[v["a"], singular(v["what"])] = int(v["n"])


@event(
    "more",
    "Then {she_a} found {m} more. Now {a} had {k} {what}.",
    "Soon {she_a} got {m} more, so {a} had {k} {what}.",
)
def _(w: World, v: Values) -> None:
    noun = singular(v["what"])
    total = w.count(v["a"], noun) + int(v["m"])
    w.need(total == int(v["k"]), f"{v['a']} has {total} {noun}, not {v['k']}")
    w.counts[v["a"], noun] = total


@event(
    "share_some",
    "{A} gave {m} of them to {b}. Now {a} had {k} {what} left.",
    "{a} gave {b} {m} of them and had {k} {what} left.",
)
def _(w: World, v: Values) -> None:
    noun = singular(v["what"])
    w.known(v["a"], v["b"])
    left = w.count(v["a"], noun) - int(v["m"])
    w.need(left == int(v["k"]), f"{v['a']} has {left} {noun} left, not {v['k']}")
    w.counts[v["a"], noun] = left
    w.counts[v["b"], noun] = int(v["m"])
    w.moods[v["b"]].discard("hungry")


@event(
    "hungry",
    "{b} was [very |]hungry.",
    '"I am so hungry," said {b}.',
    "{b} had nothing to eat.",
)
def _(w: World, v: Values) -> None:
    w.feel(v["b"], "hungry")


@event("feel_for", "{A} saw that {b} was hungry.", '"You look hungry, {b}," said {a}.')
def _(w: World, v: Values) -> None:
    w.known(v["a"])
    w.feels(v["b"], "hungry")


@event("eat", "They sat down [under a tree|in the grass] and ate.", "They ate together and laughed.")
def _(w: World, v: Values) -> None:
    w.need(len(w.people) > 1, "nobody to eat with")


simple("day", "", "It was a {weather} day.", "The sun was shining.", "The birds were singing.")

# Lost and afraid.

simple("lost", "b", "{b} was lost and could not find the way home.", '"I am lost," said {b}.')
simple(
    "lead_home",
    "ab",
    "{A} took {b} by the hand, and they walked home.",
    "{A} showed {b} the way home.",
)
simple(
    "dark",
    "a",
    "When it got dark, {a} was afraid.",
    "It was a dark night, and {a} was afraid.",
    mood="afraid",
)
simple(
    "noise",
    "a",
    "Then {a} heard a strange noise.",
    "There was a noise, and {a} listened.",
)


@event("light", "{A} lit the {o}, and it was bright.", "With the {o} in {her_a} hand {a} could see.")
def _(w: World, v: Values) -> None:
    w.holds(v["a"], v["o"])


@event(
    "only_b",
    "It was only {b}, who was looking for {a}.",
    "It was {b}, who wanted to say good night.",
)
def _(w: World, v: Values) -> None:
    w.known(v["b"])


@event("brave", "{A} was not afraid any more.", "Now {a} laughed and felt brave.")
def _(w: World, v: Values) -> None:
    w.feels(v["a"], "afraid")
    w.feel(v["a"], "brave")


# A race.

simple("boast", "a", '"I am the fastest of all," said {a}.', "{A} said that nobody was faster.")
simple("race", "ab", "{a} and {b} ran a race to the {place}.", '"Let us race to the {place}," said {b}.')
simple(
    "rest",
    "a",
    "{A} was so sure to win that {she_a} lay down and slept.",
    "Half way, {a} stopped to sleep under a tree.",
)
simple("steady", "b", "{b} went on, step by step.", "But {b} did not stop and went on and on.")
simple("win", "b", "So {b} won the race.", "When {a} woke up, {b} had won the race.")

# A seed.

simple("plant", "a", "{A} planted a seed in the ground.", "{A} put a small seed into the earth.")
simple("water", "a", "Every day {a} gave it water.", "Each morning {she_a} gave it some water.")
simple(
    "wait",
    "ab",
    '"Nothing grows," said {b}. "Just wait," said {a}.',
    "{b} laughed, but {a} waited and waited.",
)
simple(
    "grow",
    "a",
    "One morning there was a [tall|fine|lovely] flower, and {a} danced for joy.",
    "At last a green leaf came up, and then a [yellow|red|blue] flower. How glad {a} was!",
)

# Endings.

simple("thanks_b", "ab", '"Thank you, {a}!" said {b}.', '"Thank you so much," said {b} to {a}.')
simple("thanks_a", "ab", '"Thank you, {b}!" said {a}.', '"Thank you so much," said {a} to {b}.')
simple("happy_a", "a", "{A} was [very |so |]happy.", "How happy {a} was!", mood="happy")
simple(
    "play",
    "ab",
    "{a} and {b} played together [all day|until the evening].",
    "Then {a} and {b} played and laughed.",
    "They played until the sun went down, and {a} and {b} were happy.",
)
simple(
    "home",
    "ab",
    "In the evening {a} and {b} went home.",
    "Then {a} and {b} went home, tired and happy.",
)

@event(
    "moral",
    "From that day on, {a} knew: {moral}.",
    "And {a} learned that {moral}.",
    "So {a} learned: {moral}.",
)
def _(w: World, v: Values) -> None:
    w.known(v["a"])


@event("end", "The end.", "And they lived happily ever after.", "And that is the end of the tale.")
def _(w: World, v: Values) -> None:
    w.need(bool(w.people), "an end without a beginning")


def singular(noun: str) -> str:
    for word in lex.COUNTED:
        if noun in (word, lex.plural(word)):
            return word
    return noun
