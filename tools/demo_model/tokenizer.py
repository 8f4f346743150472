"""The tokenizer: trained on the corpus with SentencePiece, and documents as ids.

    python3 tokenizer.py --corpus DIR --out tokenizer.model

BPE with byte fallback, no space put before a text, nothing normalised: what weft and llama.cpp call
a SentencePiece vocabulary with add_space_prefix off.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

import sentencepiece

CONTROLS = ["<|system|>", "<|user|>", "<|assistant|>"]
VOCAB = 2048
SAMPLE_DOCUMENTS = 4000  # of each file: every word of a small world many times

# How a talk is written; a turn of the assistant ends as a tale does, with </s>.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}<|system|>"
    "{% elif message['role'] == 'user' %}<|user|>"
    "{% elif message['role'] == 'assistant' %}<|assistant|>"
    "{% else %}{{ raise_exception('roles are system, user and assistant') }}{% endif %}"
    "{{ message['content'] | trim }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

# Lines are trained on apart, as a line break is a byte token always; and a number apart from what
# follows it, or "9," would be a piece of its own beside "9".
CUT = re.compile(r"\n|(?<=\d)(?=\D)")


class Tokenizer:
    def __init__(self, model: Path) -> None:
        self.pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
        self.bos: int = self.pieces.bos_id()
        self.eos: int = self.pieces.eos_id()
        self.roles = {name[2:-2]: self.pieces.piece_to_id(name) for name in CONTROLS}

    def text(self, text: str) -> list[int]:
        return self.pieces.encode(text)

    def document(self, document: dict) -> list[int]:
        """A line of the corpus, as the model sees it."""
        ids = [self.bos]
        if "tale" in document:
            return ids + self.text(document["tale"]) + [self.eos]
        for role, text in document["talk"]:
            ids += [self.roles[role], *self.text(text)]
            if role == "assistant":
                ids.append(self.eos)
        return ids


def lines_of(corpus: Path, most: int) -> Iterator[str]:
    """Texts of each file's first documents, cut."""
    for file in sorted(corpus.glob("train-*.jsonl")):
        with open(file, encoding="utf-8") as lines:
            for at, line in enumerate(lines):
                if at >= most:
                    break
                document = json.loads(line)
                texts = [document["tale"]] if "tale" in document else [t for _, t in document["talk"]]
                for text in texts:
                    yield from CUT.split(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with open(args.out, "wb") as out:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines_of(args.corpus, SAMPLE_DOCUMENTS),
            model_writer=out,
            model_type="bpe",
            vocab_size=VOCAB,
            byte_fallback=True,
            character_coverage=1.0,
            control_symbols=CONTROLS,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            split_digits=False,  # 0 to 20 become pieces of their own
            num_threads=2,
            minloglevel=1,
        )
    tokenizer = Tokenizer(args.out)
    whole = [n for n in range(21) if len(tokenizer.text(f"is {n}")) == 2 == len(tokenizer.text(str(n))) + 1]
    print(f"{tokenizer.pieces.get_piece_size()} pieces; one piece, with and without a space: {whole}")


if __name__ == "__main__":
    main()
