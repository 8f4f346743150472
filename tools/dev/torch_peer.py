#!/usr/bin/env python3
"""What torch reaches on this GPU: torch_peer.py prints JSON, which gpu_table.py reads.

Memory read and copied, a large product of bf16 matrices (cuBLAS), and tokens a second of the linear
layers of Llama shapes in bf16: q, k, v as one matrix, gate and up as one, and the head, of all rows
where they are requests (up to 64) and of one in a prompt. Nothing else of a model is computed, so
by these products an engine of bf16 weights could not be faster. Few rows are replayed as a CUDA
graph, so that launching them takes no time of the host's.

Without torch or a GPU it says so in one line on standard error, prints nothing and exits 0. Nothing
is downloaded. Takes 20 GB of the GPU's memory.
"""

import json
import statistics
import sys

# Matrices of a layer as (outputs, inputs).
SHAPES = {
    "llama3.2-1b": dict(layers=16, embd=2048, qkv=2048 + 2 * 512, ffn=8192, vocab=128256),
    "llama3.1-8b": dict(layers=32, embd=4096, qkv=4096 + 2 * 1024, ffn=14336, vocab=128256),
}
ROWS = (1, 16, 64, 512, 2048)
MOST_REQUESTS = 64


def find_torch():
    """The module; a text where it, or a GPU, is not there."""
    try:
        import torch
    except ImportError as error:
        return f"no torch here ({error})"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} finds no GPU"
    return torch


def seconds(torch, work):
    """The median time of a call, of five runs of many."""
    def run(calls):
        begin = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(calls):
            work()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1000 / calls

    run(2)  # chooses kernels, fills the allocator
    calls = max(1, min(1000, int(0.05 / run(3))))
    return statistics.median(run(calls) for _ in range(5))


def captured(torch, work):
    """`work` as a CUDA graph: a function that replays it."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def random(torch, *shape):
    """Small numbers: a GPU computes faster, and clocks higher, where they are all zero."""
    return torch.randn(*shape, dtype=torch.bfloat16, device="cuda") * 0.02


def limits(torch):
    size_bytes = 4 << 30
    x = torch.ones(size_bytes // 4, dtype=torch.float32, device="cuda")
    y = torch.empty_like(x)
    read = size_bytes / seconds(torch, x.sum)
    copied = 2 * size_bytes / seconds(torch, lambda: y.copy_(x))
    del x, y
    n = 8192
    a, b = random(torch, n, n), random(torch, n, n)
    matmul = 2 * n**3 / seconds(torch, lambda: a @ b)
    return {"read_gb_per_second": read * 1e-9, "copy_gb_per_second": copied * 1e-9,
            "matmul_flops_per_second": matmul}


def linear_layers(torch, model, shape):
    """Tokens a second for each number of rows. Every layer has weights of its own: no cache holds
    them from one call to the next."""
    embd, ffn = shape["embd"], shape["ffn"]
    sizes = [(shape["qkv"], embd), (embd, embd), (2 * ffn, embd), (embd, ffn)]
    layers = [[random(torch, *size) for size in sizes] for _ in range(shape["layers"])]
    head = random(torch, shape["vocab"], embd)
    for rows in ROWS:
        inputs = {width: random(torch, rows, width) for width in (embd, ffn)}
        head_rows = rows if rows <= MOST_REQUESTS else 1

        def work():
            for weights in layers:
                for weight in weights:
                    torch.nn.functional.linear(inputs[weight.shape[1]], weight)
            torch.nn.functional.linear(inputs[embd][:head_rows], head)

        timed = captured(torch, work) if rows <= MOST_REQUESTS else work
        yield {"model": model, "rows": rows, "tokens_per_second": rows / seconds(torch, timed)}


def main():
    torch = find_torch()
    if isinstance(torch, str):
        print(f"torch_peer: {torch}", file=sys.stderr)
        return
    with torch.inference_mode():
        result = {"device": torch.cuda.get_device_name(), "torch": torch.__version__,
                  **limits(torch), "linear": []}
        for model, shape in SHAPES.items():
            result["linear"] += linear_layers(torch, model, shape)
            torch.cuda.empty_cache()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
