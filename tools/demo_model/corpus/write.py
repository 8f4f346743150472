"""Writes the corpus: python3 -m corpus.write --out DIR --seed 1

DIR/train-N.jsonl and DIR/heldout.jsonl, one document a line: {"tale": text} or {"talk": [[role,
text], ...]}. Part N of the seed writes the same file whatever the machine and number of processes.
The held-out documents come of a seed of their own and have more than SHORT characters; none of them
is in the training files. (A talk of one greeting cannot be held out: it is the only one there is.)
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import multiprocessing
import random
from collections.abc import Iterator
from pathlib import Path

from .plots import tale
from .talks import talk

PARTS = 16
TALE_SHARE = 0.40  # of the documents; tales are longer than talks
HELD_OUT_DOCUMENTS = 4000
SHORT = 300


def document(rng: random.Random) -> dict[str, object]:
    if rng.random() < TALE_SHARE:
        return {"tale": tale(rng).text()}
    return {"talk": talk(rng)}


def documents(seed: int, part: int) -> Iterator[str]:
    """Endless, as lines of JSON; part PARTS is the held-out one."""
    rng = random.Random(seed * 1000 + part)
    while True:
        yield json.dumps(document(rng), ensure_ascii=False)


def digest(line: str) -> bytes:
    return hashlib.blake2b(line.encode(), digest_size=8).digest()


def held_out(seed: int) -> list[str]:
    long = (line for line in documents(seed, PARTS) if len(line) > SHORT)
    return list(itertools.islice(long, HELD_OUT_DOCUMENTS))


def write_part(job: tuple[Path, int, int, int]) -> dict[str, int]:
    out, seed, part, size = job
    barred = {digest(line) for line in held_out(seed)}
    counts = {"documents": 0, "bytes": 0, "tales": 0, "tale_repeats": 0, "barred": 0}
    tales: set[bytes] = set()
    with open(out / f"train-{part:02}.jsonl", "w", encoding="utf-8") as file:
        for line in documents(seed, part):
            if digest(line) in barred:
                counts["barred"] += 1
                continue
            if line.startswith('{"tale"'):
                counts["tales"] += 1
                counts["tale_repeats"] += digest(line) in tales
                tales.add(digest(line))
            file.write(line + "\n")
            counts["documents"] += 1
            counts["bytes"] += len(line)
            if counts["bytes"] >= size:
                return counts
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--megabytes", type=float, default=150)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "heldout.jsonl").write_text("\n".join(held_out(args.seed)) + "\n")
    size = int(args.megabytes * 1e6 / PARTS)
    with multiprocessing.Pool() as pool:
        counts = pool.map(write_part, [(args.out, args.seed, p, size) for p in range(PARTS)])
    total = {key: sum(c[key] for c in counts) for key in counts[0]}
    print(json.dumps(total))


if __name__ == "__main__":
    main()
