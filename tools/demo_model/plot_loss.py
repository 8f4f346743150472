"""The loss curve: python3 plot_loss.py loss.jsonl loss.png"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import NullFormatter  # noqa: E402


def main() -> None:
    source, out = map(Path, sys.argv[1:])
    entries = [json.loads(line) for line in source.read_text().splitlines()]
    held = [entry for entry in entries if "held_out" in entry]
    figure, axes = plt.subplots(figsize=(6.4, 3.6), dpi=100)
    axes.plot([e["tokens"] / 1e6 for e in entries], [e["loss"] for e in entries], label="training")
    axes.plot([e["tokens"] / 1e6 for e in held], [e["held_out"] for e in held], "o-", ms=3,
              label="held out")
    axes.set(xlabel="tokens, millions", ylabel="loss, nats a token", yscale="log")
    axes.set_yticks([0.3, 0.5, 1, 2, 4], ["0.3", "0.5", "1", "2", "4"])
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(out)


if __name__ == "__main__":
    main()
