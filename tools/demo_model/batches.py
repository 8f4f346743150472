"""Batches of whole documents: each in a row of its own, from position 0, beside others about as long.

A row holds one document, as a model is used: rows packed with several were tried first, and there
the model took names from the documents before.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tokenizer import Tokenizer

IGNORED = -100
PAD = 0  # <unk>, which no text of the corpus holds
POOL = 4096  # documents sorted by length at a time


@dataclass
class Documents:
    ids: np.ndarray  # uint16, one document after the other
    ends: np.ndarray

    @classmethod
    def load(cls, path: Path) -> Documents:
        file = np.load(path)
        return cls(file["ids"], file["ends"])

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, at: int) -> np.ndarray:
        return self.ids[self.ends[at - 1] if at else 0 : self.ends[at]]


class Targets:
    """Which id each place is to predict, or IGNORED: in what a user or the system says (nobody asks
    the model for it) and at padding."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.spoken_to = [tokenizer.roles["system"], tokenizer.roles["user"]]
        self.marks = [*self.spoken_to, tokenizer.roles["assistant"]]

    def of(self, rows: np.ndarray) -> np.ndarray:
        x, y = rows[:, :-1], rows[:, 1:].astype(np.int64)
        mark = np.isin(x, self.marks)
        last = np.maximum.accumulate(np.where(mark, np.arange(x.shape[1]), 0), axis=1)
        silent = np.isin(np.take_along_axis(x, last, axis=1), self.spoken_to)
        y[silent | (y == PAD) | np.isin(y, self.spoken_to)] = IGNORED
        return y


class Batches:
    """One epoch in a fixed order: groups of `parts` batches of about `tokens` places each. A batch
    holds documents about equally long; those of a group differ, so that a step sees talks and tales."""

    def __init__(self, documents: Documents, targets: Targets, parts: int, tokens: int) -> None:
        self.documents, self.targets = documents, targets
        rng = np.random.default_rng(1)
        lengths = np.diff(documents.ends, prepend=0)
        batches: list[np.ndarray] = []
        for pool in np.array_split(rng.permutation(len(documents)), max(1, len(documents) // POOL)):
            batches += self._of_pool(pool[np.argsort(lengths[pool])], lengths, tokens)
        order = rng.permutation(len(batches) // parts * parts).reshape(-1, parts)
        self.groups = [[batches[at] for at in group] for group in order]

    @staticmethod
    def _of_pool(shortest_first: np.ndarray, lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
        """Cut so that each part, padded to its longest, takes at most `tokens` places."""
        batches, at = [], 0
        while at < len(shortest_first):
            end = at + 1
            while end < len(shortest_first) and (end + 1 - at) * lengths[shortest_first[end]] <= tokens:
                end += 1
            batches.append(shortest_first[at:end])
            at = end
        return batches

    def __len__(self) -> int:
        return len(self.groups)

    def rows(self, documents: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets, [documents, the longest's length - 1]."""
        found = [self.documents[at] for at in documents]
        rows = np.full((len(found), max(map(len, found))), PAD, dtype=np.uint16)
        for row, ids in zip(rows, found):
            row[: len(ids)] = ids
        return torch.from_numpy(rows[:, :-1].astype(np.int64)), torch.from_numpy(self.targets.of(rows))

    def part(self, step: int, part: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.rows(self.groups[step % len(self)][part])
