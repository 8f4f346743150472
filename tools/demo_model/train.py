"""Training: python3 train.py --data DIR --tokenizer FILE --out DIR --minutes 65

Ends when its minutes or its tokens are used up, whichever comes first; the learning rate follows
whichever is further along, a cosine to nothing. Writes a checkpoint every few minutes; started
again with the same --out, it goes on from there. Loss is counted on tales and answers, not on what
a user says.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F

from batches import IGNORED, PAD, Batches, Documents, Targets
from encode import CONTEXT
from model import Llama, Shape
from tokenizer import Tokenizer

BETAS = (0.9, 0.95)
WEIGHT_DECAY = 0.1
WARM_UP_STEPS = 100
CHECKPOINT_SECONDS = 180
HELD_OUT_BATCHES = 16


@dataclass
class Progress:
    step: int = 0
    tokens: int = 0  # without padding, what a user says included
    seconds: float = 0.0


def loss_of(model: Llama, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean over the counted places; bfloat16 products, everything else in float32."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(x)
    return F.cross_entropy(logits.float().flatten(0, 1), y.flatten(), ignore_index=IGNORED)


@torch.no_grad()
def held_out_loss(model: Llama, held: Batches) -> float:
    """Of the same few batches each time, per counted token."""
    total, count = 0.0, 0
    for step in range(min(len(held), HELD_OUT_BATCHES)):
        x, y = held.part(step, 0)
        counted = int((y != IGNORED).sum())
        total += loss_of(model, x, y).item() * counted
        count += counted
    return total / count


def optimizer_of(model: Llama, rate: float) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=BETAS, fused=True)


def rate_at(step: int, share: float, peak: float) -> float:
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    return peak * warm * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def save(path: Path, model: Llama, optimizer: torch.optim.Optimizer, at: Progress) -> None:
    """Whole or not at all: an interrupted write leaves the checkpoint before it."""
    part = path.with_suffix(".part")
    torch.save({"shape": model.shape.as_dict(), "model": model.state_dict(),
                "optimizer": optimizer.state_dict(), "progress": vars(at)}, part)
    os.replace(part, path)


def average_gradients(model: Llama, tokens: int) -> int:
    """Over all processes, in one message; returns the tokens of all of them."""
    grads = [p.grad for p in model.parameters()]
    flat = torch.cat([*(grad.flatten() for grad in grads), torch.tensor([float(tokens)])])
    dist.all_reduce(flat)
    at = 0
    for grad in grads:
        grad.copy_(flat[at : at + grad.numel()].view_as(grad) / dist.get_world_size())
        at += grad.numel()
    return int(flat[-1])


def agreed(share: float) -> float:
    """The first process's clock is everybody's."""
    value = torch.tensor([share], dtype=torch.float64)
    dist.broadcast(value, 0)
    return value.item()


class Log:
    """A line every 50 steps, with the held-out loss every 250."""

    def __init__(self, path: Path) -> None:
        self.file = open(path, "a", encoding="utf-8")
        self.mean: float | None = None

    def loss(self, loss: float) -> None:
        self.mean = loss if self.mean is None else 0.95 * self.mean + 0.05 * loss

    def write(self, at: Progress, share: float, held_out: float | None) -> None:
        entry = {"step": at.step, "tokens": at.tokens, "seconds": round(at.seconds),
                 "share": round(share, 4), "loss": round(self.mean or 0, 4)}
        if held_out is not None:
            entry["held_out"] = round(held_out, 4)
        for file in (sys.stdout, self.file):
            print(json.dumps(entry), file=file, flush=True)


def work(rank: int, args: argparse.Namespace, meeting: str) -> None:
    """One process on one core, with its share of every batch. (Two threads in one process wait for
    each other after every product, which a busy machine makes slow.)"""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank,
                            world_size=args.processes)
    targets = Targets(Tokenizer(args.tokenizer))
    own = args.batch // args.processes
    train = Batches(Documents.load(args.data / "train.npz"), targets, args.processes, own)
    held = Batches(Documents.load(args.data / "heldout.npz"), targets, 1, own)
    model = Llama(Shape(context=CONTEXT))
    optimizer = optimizer_of(model, args.rate)
    at = Progress()
    checkpoint = args.out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        at = Progress(**saved["progress"])
    if rank == 0:
        print(f"{sum(p.numel() for p in model.parameters())} parameters, from step {at.step}", flush=True)

    log = Log(args.out / "loss.jsonl") if rank == 0 else None
    began, saved_at = time.monotonic() - at.seconds, time.monotonic()
    while True:
        at.seconds = time.monotonic() - began
        share = agreed(max(at.tokens / args.tokens, at.seconds / (args.minutes * 60)))
        if share >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate_at(at.step, share, args.rate)
        x, y = train.part(at.step, rank)
        loss = loss_of(model, x, y)
        loss.backward()
        seen = average_gradients(model, int((x != PAD).sum()))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        at.step += 1
        at.tokens += seen
        if log:
            log.loss(loss.item())
            if at.step % 50 == 0:
                test = held_out_loss(model, held) if at.step % 250 == 0 else None
                log.write(at, share, test)
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                save(checkpoint, model, optimizer, at)
                saved_at = time.monotonic()
    if log:
        save(checkpoint, model, optimizer, at)
        log.write(at, 1.0, held_out_loss(model, held))
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=65)
    parser.add_argument("--tokens", type=float, default=34e6)
    parser.add_argument("--batch", type=int, default=4096, help="places a step, of all processes")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--processes", type=int, default=2, help="one a core")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(work, (args, f"{folder}/meeting"), nprocs=args.processes)


if __name__ == "__main__":
    main()
