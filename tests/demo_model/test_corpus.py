"""The demo model's corpus: what it tells can be so, and the checker sees what cannot."""

import random
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools" / "demo_model"))

from corpus import lexicon as lex  # noqa: E402
from corpus.plots import Teller, tale  # noqa: E402
from corpus.talk import KINDS, MOST  # noqa: E402
from corpus.talks import SHARES, is_held_out, question, talk  # noqa: E402
from corpus.told import few_facts  # noqa: E402
from corpus.world import Wrong  # noqa: E402
from tale_checker import fault  # noqa: E402

TALES = 60


def tales(count=TALES):
    return [tale(random.Random(seed)) for seed in range(count)]


class Tales(unittest.TestCase):
    def test_every_tale_told_is_right(self):
        for told in tales():
            self.assertIsNone(fault(told.text()), told.text())

    def test_same_seed_same_tale_and_no_two_alike(self):
        texts = [told.text() for told in tales()]
        self.assertEqual(texts, [told.text() for told in tales()])
        self.assertEqual(len(set(texts)), len(texts))

    def test_the_hero_and_the_thing_asked_for_are_in_it(self):
        for seed in range(40):
            text = tale(random.Random(seed), "Mia", "red ball").text()
            self.assertIn("Mia", text)
            self.assertIn("red ball", text)

    def test_a_plot_cannot_tell_what_the_world_forbids(self):
        t = Teller(random.Random(1))
        t.tell("open", a="Mia", kind="girl", trait="kind", place="park")
        t.tell("has", a="Mia", o="red ball")
        t.tell("put", a="Mia", o="red ball", c="in the box")
        with self.assertRaises(Wrong):
            t.tell("find", a="Mia", o="red ball", c="under the bed")
        with self.assertRaises(Wrong):
            t.tell("give", a="Mia", b="Ben", o="red ball")


class Checker(unittest.TestCase):
    """Right tales, broken in one place."""

    def broken(self, change):
        """How many of the tales `change` alters, and how many of these are still thought right."""
        altered = [(text, new) for text in (t.text() for t in tales()) if (new := change(text)) != text]
        missed = [new for _, new in altered if fault(new) is None]
        self.assertGreater(len(altered), TALES // 10)
        return altered, missed

    def test_a_name_that_changes_in_the_last_mention(self):
        def change(text):
            names = [m for m in re.finditer(r"\b[A-Z]\w+", text) if m.group() in lex.NAMES]
            if len(names) < 3:
                return text
            at = names[-1]
            other = next(name for name in lex.NAMES if name not in text)
            return text[: at.start()] + other + text[at.end() :]

        self.assertEqual(self.broken(change)[1], [])

    def test_a_thing_found_where_it_was_not_put(self):
        def change(text):
            found = re.search(r"found the \w+ \w+ (\w+ the \w+)\.", text)
            if not found:
                return text
            other = "in the cave" if found.group(1) != "in the cave" else "on the roof"
            return text[: found.start(1)] + other + text[found.end(1) :]

        self.assertEqual(self.broken(change)[1], [])

    def test_a_colour_that_changes(self):
        def change(text):
            things = list(re.finditer(r"the (red|blue|green|white|pink|black) ", text))
            if not things:
                return text
            at = things[-1]
            other = "yellow" if at.group(1) != "yellow" else "red"
            return text[: at.start(1)] + other + text[at.end(1) :]

        self.assertEqual(self.broken(change)[1], [])

    def test_a_pronoun_that_does_not_fit(self):
        def change(text):
            swap = {"She": "He", "He": "She"}
            return re.sub(r"\b(She|He)\b", lambda m: swap[m.group()], text, count=1)

        self.assertEqual(self.broken(change)[1], [])

    def test_a_sum_that_is_wrong(self):
        right = (
            "There was once a shy cow named Anna. One day, Anna went to the park. "
            "Anna found 5 nuts. Soon a boy named Ben came by. Ben was hungry. "
            "Anna gave 2 of them to Ben. Now Anna had {} nuts left. The end."
        )
        self.assertIsNone(fault(right.format(3)))
        self.assertIn("not 4", fault(right.format(4)) or "")

    def test_a_tale_cut_short_or_with_a_strange_sentence(self):
        text = tales(1)[0].text()
        sentences = text.split(". ")
        self.assertIsNotNone(fault(". ".join(sentences[:-2]) + "."))
        self.assertIsNotNone(fault(text + " Cat the sat."))


class Questions(unittest.TestCase):
    def test_arithmetic_is_right_and_within_range(self):
        rng = random.Random(1)
        for _ in range(2000):
            asked, answer = KINDS["arithmetic"](rng)
            numbers = [int(n) for n in re.findall(r"\d+", asked)]
            self.assertEqual(len(numbers), 2, asked)
            result = int(re.findall(r"\d+", answer)[-1])
            self.assertIn(result, (sum(numbers), abs(numbers[0] - numbers[1])), asked)
            self.assertLessEqual(max(*numbers, result), MOST)

    def test_what_a_few_facts_say_has_one_answer(self):
        for seed in range(300):
            told = few_facts(random.Random(seed))
            nouns = [thing.split()[1] for thing in told.world.things]
            self.assertEqual(len(set(nouns)), len(nouns))

    def test_no_talk_asks_a_held_out_question(self):
        rng = random.Random(1)
        for kind in SHARES:
            self.assertTrue(is_held_out(question(rng, kind, held_out=True)[0]))
        for _ in range(300):
            said = [text for role, text in talk(rng) if role == "user"]
            questions = [text for text in said if re.search(r"plus|minus|Count|opposite", text)]
            self.assertFalse(any(map(is_held_out, questions)), said)


if __name__ == "__main__":
    unittest.main()
