"""Do trainer and engine agree? python3 agree.py --infer FILE --checkpoint FILE --tokenizer FILE
--model F32.gguf --corpus DIR

Logits of held-out documents in float32 on both sides, and token ids of held-out texts.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import torch

import weft
from encode import CONTEXT
from model import Llama, Shape
from tokenizer import Tokenizer

DOCUMENTS = 20
TEXTS = 1200
# What the corpus never says: other scripts, runs of spaces, control tokens as plain text.
STRANGE = ["", " ", "  two  spaces ", "Ünïcödé 雪 🙂", "tab\tand\nline", "<|user|> is text here",
           "9999 1,234.5", "MiXeD cAsE", "▁", "a▁b", "\u00a0", "x" * 300]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("infer", "checkpoint", "tokenizer", "model", "corpus"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    tokenizer = Tokenizer(args.tokenizer)
    saved = torch.load(args.checkpoint, weights_only=True)
    model = Llama(Shape(**saved["shape"]))
    model.load_state_dict(saved["model"])
    with open(args.corpus / "heldout.jsonl", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]

    longest = sorted((tokenizer.document(d) for d in documents[:400]), key=len)[-DOCUMENTS:]
    whole = list(itertools.chain(*longest))[:CONTEXT]  # every position of the context
    difference = largest = 0.0
    for ids in [*longest, whole]:
        with torch.no_grad():
            reference = model(torch.tensor([ids]))[0].numpy()
        got = weft.logits(args.infer, args.model, ids)
        difference = max(difference, float(np.abs(got - reference).max()))
        largest = max(largest, float(np.abs(reference).max()))
    print(f"logits of {len(longest) + 1} documents, up to {len(whole)} tokens: "
          f"max|difference| / max|reference| = {difference / largest:.2e}")

    texts = [d["tale"] if "tale" in d else d["talk"][0][1] for d in documents[:TEXTS]] + STRANGE
    differ = [t for t in texts if weft.token_ids(args.infer, args.model, t) != tokenizer.text(t)]
    print(f"token ids of {len(texts)} texts: {len(differ)} differ {differ[:3]}")


if __name__ == "__main__":
    main()
