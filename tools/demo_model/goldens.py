"""What tests/demo_model compares with: python3 goldens.py --tokenizer FILE --corpus DIR --out DIR

tokens.jsonl: texts and their ids by SentencePiece itself. questions.jsonl: held-out questions of
every kind with their answers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from agree import STRANGE
from evaluate import WANTED, questions
from tokenizer import Tokenizer

TEXTS = 24
OF_A_KIND = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("tokenizer", "corpus", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    tokenizer = Tokenizer(args.tokenizer)

    with open(args.corpus / "heldout.jsonl", encoding="utf-8") as lines:
        documents = [json.loads(next(lines)) for _ in range(TEXTS)]
    texts = [d["tale"] if "tale" in d else d["talk"][-1][1] for d in documents] + STRANGE
    with open(args.out / "tokens.jsonl", "w", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps({"text": text, "ids": tokenizer.text(text)}) + "\n")

    asked = questions()
    with open(args.out / "questions.jsonl", "w", encoding="utf-8") as file:
        for kind in WANTED:
            for _, question, answer in [q for q in asked if q[0] == kind][:OF_A_KIND]:
                file.write(json.dumps({"question": question, "answer": answer}) + "\n")


if __name__ == "__main__":
    main()
