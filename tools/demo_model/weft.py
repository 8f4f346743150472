"""weft from Python, through the program: requests in, results out."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np


def batch(infer: Path, model: Path, requests: list[dict]) -> list[dict]:
    """Results of `infer batch` in the order of the requests."""
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([infer, "batch", model, "-", "-o", "-"], input=lines, text=True,
                          capture_output=True, check=True)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    for result in results:
        if result["error"]:
            raise RuntimeError(result["error"]["message"])
    return results


def asked(question: str) -> dict:
    """A request for the answer to one question, as the model's chat template writes it."""
    prompt = f"<|user|>{question}<|assistant|>"
    return {"prompt": prompt, "parse_special": True, "temperature": 0, "max_tokens": 120}


def logits(infer: Path, model: Path, ids: list[int]) -> np.ndarray:
    """[tokens, vocabulary], by float32 activations and a float32 cache."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "logits"
        subprocess.run([infer, "logits", model, "--tokens", ",".join(map(str, ids)), "--out", out,
                        "--activations", "f32", "--kv-type", "f32"], check=True, capture_output=True)
        return np.fromfile(out, dtype=np.float32).reshape(len(ids), -1)


def token_ids(infer: Path, model: Path, text: str) -> list[int]:
    done = subprocess.run([infer, "tokenize", model, "--no-bos"], input=text, text=True,
                          capture_output=True, check=True)
    return [int(word) for word in done.stdout.split()]
