"""How good the model is, as weft runs it: python3 evaluate.py --infer FILE --model FILE
--corpus DIR --tokenizer FILE [--out results.json]

Perplexity of held-out documents, exact match on held-out questions by kind (greedy; the whole
answer must be right), and tale_checker.py on tales drawn as the file recommends and by weft's
defaults.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
from pathlib import Path

import weft
from corpus.talks import question
from sampling import RECOMMENDED
from tale_checker import fault
from tokenizer import Tokenizer

QUESTION_SEED = 2026
# Kinds that have few questions in all (colours, days, facts) have few held out: they give what they
# have, and what is missing of QUESTIONS is asked of the others.
QUESTIONS = 500
WANTED = {"arithmetic": 170, "comparing": 70, "counting": 50, "told": 100, "lists": 30,
          "records": 30, "days": 20, "colours": 20, "facts": 20}  # fmt: skip
TOP_UP = ("arithmetic", "told", "comparing")
DRAWS_WITHOUT_NEWS = 3000
TALES = 100
SAMPLINGS = (RECOMMENDED, {"temperature": 0.8})
DOCUMENTS = 400


def questions() -> list[tuple[str, str, str]]:
    """(kind, question, answer): distinct ones that the training files cannot hold."""
    rng = random.Random(QUESTION_SEED)
    seen: dict[str, tuple[str, str, str]] = {}

    def add(kind: str, count: int) -> None:
        idle = 0
        while count > 0 and idle < DRAWS_WITHOUT_NEWS:
            asked, answer = question(rng, kind, held_out=True)
            if asked in seen:
                idle += 1
                continue
            seen[asked] = (kind, asked, answer)
            count, idle = count - 1, 0

    for kind, count in WANTED.items():
        add(kind, count)
    for kind in itertools.cycle(TOP_UP):
        if len(seen) >= QUESTIONS:
            return list(seen.values())
        add(kind, 1)
    raise AssertionError("unreachable")


def exact_match(infer: Path, model: Path) -> dict:
    asked = questions()
    results = weft.batch(infer, model, [weft.asked(text) for _, text, _ in asked])
    table: dict[str, list[int]] = {}
    wrong = []
    for (kind, text, answer), result in zip(asked, results):
        right = result["text"] == answer and result["finish_reason"] == "stop"
        row = table.setdefault(kind, [0, 0])
        row[0] += right
        row[1] += 1
        if not right:
            wrong.append({"kind": kind, "question": text, "wanted": answer, "said": result["text"]})
    return {"by_kind": table, "right": sum(r for r, _ in table.values()),
            "asked": len(asked), "wrong": wrong}


def tales(infer: Path, model: Path, sampling: dict) -> dict:
    start = "Once upon a time"
    requests = [{"prompt": start, "seed": seed, "max_tokens": 400, **sampling}
                for seed in range(TALES)]
    told = []
    for request, result in zip(requests, weft.batch(infer, model, requests)):
        text = start + result["text"]
        why = fault(text) if result["finish_reason"] == "stop" else "it does not end"
        told.append({"seed": request["seed"], "text": text, "fault": why})
    return {"sampling": sampling, "right": sum(t["fault"] is None for t in told),
            "told": len(told), "different": len({t["text"] for t in told}), "tales": told}


def perplexity(infer: Path, model: Path, corpus: Path, tokenizer: Tokenizer) -> dict:
    """Of tales, and of the assistant's turns in talks; per token, </s> included."""
    with open(corpus / "heldout.jsonl", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in itertools.islice(lines, DOCUMENTS)]
    ids = [tokenizer.document(document) for document in documents]
    requests = [{"tokens": i, "max_tokens": 1, "prompt_logprobs": True} for i in ids]
    sums = {"tales": [0.0, 0], "answers": [0.0, 0]}
    for document, tokens, result in zip(documents, ids, weft.batch(infer, model, requests)):
        kind, counted = ("tales", True) if "tale" in document else ("answers", False)
        for token, entry in zip(tokens[1:], result["prompt_logprobs"]):
            if token in tokenizer.roles.values():
                counted = token == tokenizer.roles["assistant"]
            elif counted:
                sums[kind][0] -= entry["logprob"]
                sums[kind][1] += 1
    return {kind: {"perplexity": math.exp(total / count), "tokens": count}
            for kind, (total, count) in sums.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--infer", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()

    found = {
        "exact_match": exact_match(args.infer, args.model),
        "tales": [tales(args.infer, args.model, sampling) for sampling in SAMPLINGS],
        "perplexity": perplexity(args.infer, args.model, args.corpus, Tokenizer(args.tokenizer)),
    }
    print("| kind | right | of | |\n|---|---|---|---|")
    for kind, (right, count) in found["exact_match"]["by_kind"].items():
        print(f"| {kind} | {right} | {count} | {right / count:.1%} |")
    right, count = found["exact_match"]["right"], found["exact_match"]["asked"]
    print(f"| all | {right} | {count} | {right / count:.1%} |")
    for told in found["tales"]:
        print(f"tales with {told['sampling']}: {told['right']} of {told['told']} right, "
              f"{told['different']} different")
    for kind, row in found["perplexity"].items():
        print(f"perplexity of {kind}: {row['perplexity']:.3f} over {row['tokens']} tokens")
    if args.out:
        args.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
