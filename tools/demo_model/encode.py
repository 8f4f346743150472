"""The corpus as ids for training: python3 encode.py --corpus DIR --tokenizer FILE --out DIR

train.npz and heldout.npz: `ids`, uint16, all documents one after the other, each from its <s>; and
`ends`, where each ends.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from pathlib import Path

import numpy as np

from tokenizer import Tokenizer

CONTEXT = 512


def encode_file(job: tuple[Path, Path]) -> list[np.ndarray]:
    file, model = job
    tokenizer = Tokenizer(model)
    with open(file, encoding="utf-8") as lines:
        documents = (tokenizer.document(json.loads(line)) for line in lines)
        return [np.array(ids, dtype=np.uint16) for ids in documents if len(ids) <= CONTEXT + 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, files in (
        ("train", sorted(args.corpus.glob("train-*.jsonl"))),
        ("heldout", [args.corpus / "heldout.jsonl"]),
    ):
        with multiprocessing.Pool() as pool:
            parts = pool.map(encode_file, [(file, args.tokenizer) for file in files])
        documents = [ids for part in parts for ids in part]
        ends = np.cumsum([len(ids) for ids in documents])
        np.savez(args.out / f"{name}.npz", ids=np.concatenate(documents), ends=ends)
        print(f"{name}: {len(documents)} documents, {ends[-1]} tokens")


if __name__ == "__main__":
    main()
