#!/usr/bin/env python3
"""The goals for a GPU and what was measured: gpu_table.py FOLDER, the logs of tools/gpu_suite.

Reads, each where it is there and whole:
  bench-SHAPE-TYPE-*.json, serving-SHAPE-TYPE.json   `infer bench -o json`
  torch.json                                         tools/dev/torch_peer.py
and prints Markdown: a line for each goal of PERFORMANCE rows 9 to 15 and 17, then every test.
Shares are of what was probed in the run of the test itself. What is missing is `not run`.
The standard library only.
"""

import dataclasses
import json
import pathlib
import re
import sys

NOT_RUN = "not run"
SMALL, LARGE = ("llama3.2-1b", "BF16"), ("llama3.1-8b", "Q4_K_M")
SMALL_Q4 = ("llama3.2-1b", "Q4_K_M")
# A probe's name and the field of a row that it bounds.
RATES = {"device_read": "gb_per_second", "tensor_f16": "flops_per_second"}


def load(path):
    """The JSON of a file; None where there is none."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


class Test:
    """One row of `infer bench`, with the probes of its run."""

    def __init__(self, row, probes):
        self.row, self.probes = row, probes

    def get(self, field):
        return self.row.get(field) or 0.0

    def share(self, probe):
        """Of what the probe reached; None where the run had no such probe."""
        if self.row.get("limit") == probe and self.get("percent_of_limit"):
            return self.get("percent_of_limit") / 100
        limit = self.probes.get(probe)
        return self.get(RATES[probe]) / limit if limit else None


class Logs:
    def __init__(self, folder):
        self.tests = {}  # (shape, type) -> {test's name -> Test}
        self.probes = {}  # the best of each, over all runs
        for path in sorted(pathlib.Path(folder).glob("*.json")):
            name = re.fullmatch(r"(?:bench|serving)-(.+)-([A-Z][A-Z0-9_]*)(?:-d\d+)?", path.stem)
            rows = load(path) if name else None
            if isinstance(rows, list):
                self._add(name.groups(), [row for row in rows if isinstance(row, dict)])
        torch = load(pathlib.Path(folder) / "torch.json")
        self.torch = torch if isinstance(torch, dict) else {}

    def _add(self, model, rows):
        probes = {}
        for row in rows:
            name = str(row.get("test", "")).removeprefix("probe:")
            if name in RATES and name != row["test"] and row.get(RATES[name]):
                probes[name] = row[RATES[name]]
                self.probes[name] = max(self.probes.get(name, 0), probes[name])
        tests = self.tests.setdefault(model, {})
        for row in rows:
            if not str(row.get("test", "probe:")).startswith("probe:"):
                tests[row["test"]] = Test(row, probes)

    def test(self, model, name):
        return self.tests.get(model, {}).get(name)

    def with_figure(self, model, figure):
        return [t for t in self.tests.get(model, {}).values() if t.row.get(figure) is not None]

    def torch_rate(self, shape, rows):
        """Tokens a second of torch's linear layers alone, in bf16; None where it did not run."""
        for row in self.torch.get("linear") or []:
            if row.get("model") == shape and row.get("rows") == rows:
                return row.get("tokens_per_second")
        return None


@dataclasses.dataclass
class Line:
    """A goal, and how far it is."""

    row: str
    what: str
    goal: str
    ours: str = NOT_RUN
    share: float | None = None  # of the limit probed in the same run
    reached: float | None = None  # of the goal; 1 or more: met
    peer: str = ""

    def cells(self):
        share = "" if self.share is None else f"{100 * self.share:.1f} %"
        distance = ""
        if self.reached is not None:
            distance = ("met, " if self.reached >= 1 else "") + f"{self.reached:.2f} of the goal"
        return [self.row, self.what, self.goal, self.ours, share, distance, self.peer]


def tokens(rate):
    return f"{rate:,.0f} tok/s"


def speed_line(logs, row, what, model, name, probe, goal, torch_rows=None):
    """The goal is a share of what was probed."""
    line = Line(row, what, f"≥ {100 * goal:.0f} % of {probe}")
    test = logs.test(model, name)
    if test:
        line.ours = tokens(test.get("tokens_per_second"))
        line.share = test.share(probe)
        if line.share is None:
            line.ours += f", no probe:{probe}"
        else:
            line.reached = line.share / goal
    peer = logs.torch_rate(model[0], torch_rows)
    if peer:
        line.peer = f"torch, bf16, linear layers alone: {tokens(peer)}"
    return line


def batch_line(logs, requests, most):
    """How much longer a step of many requests takes than one of one."""
    line = Line("12", f"8B Q4_K_M, step of {requests} over 1", f"≤ {most}×")
    one, many = logs.test(LARGE, "tg128"), logs.test(LARGE, f"tg128@{requests}")
    if one and many and one.get("tokens_per_second") and many.get("tokens_per_second"):
        ratio = requests * one.get("tokens_per_second") / many.get("tokens_per_second")
        line.ours, line.reached = f"{ratio:.2f}×", most / ratio
        line.share = many.share("device_read")
    peers = logs.torch_rate(LARGE[0], 1), logs.torch_rate(LARGE[0], requests)
    if all(peers):
        line.peer = f"torch, bf16: {requests * peers[0] / peers[1]:.2f}×"
    return line


def attention_line(logs, requests, depth, goal):
    """The bytes and the time that depth adds to a step: those of attention, over all layers."""
    line = Line("13", f"8B Q4_K_M, attention of {requests} × {depth}",
                f"≥ {100 * goal:.0f} % of device_read")
    name = "tg128" if requests == 1 else f"tg128@{requests}"
    flat, deep = logs.test(LARGE, name), logs.test(LARGE, f"{name}@d{depth}")
    if not (flat and deep and flat.get("tokens_per_second") and deep.get("tokens_per_second")):
        return line
    seconds = [requests / test.get("tokens_per_second") for test in (flat, deep)]
    gigabytes = [test.get("gb_per_second") * time for test, time in zip((flat, deep), seconds)]
    if seconds[1] <= seconds[0]:
        line.ours = "no longer than without depth"
        return line
    rate = (gigabytes[1] - gigabytes[0]) / (seconds[1] - seconds[0])
    line.ours = f"{rate:,.0f} GB/s"
    if "device_read" in deep.probes:
        line.share = rate / deep.probes["device_read"]
        line.reached = line.share / goal
    else:
        line.ours += ", no probe:device_read"
    return line


def serving_lines(logs):
    """Rows 15 and 17, a line for each number of streams."""
    lines = []

    def add(row, figure, what, goal, limit, at_most, note, only=""):
        tests = [t for t in logs.with_figure(LARGE, figure) if only in t.row["test"]]
        for test in tests or [None]:
            line = Line(row, f"8B Q4_K_M, {what}", goal)
            if test:
                value = test.get(figure)
                line.what += f" ({test.row['test']})"
                line.ours = f"{value:.3f}, " + note(test)
                line.reached = (limit / value if at_most else value / limit) if value else None
            lines.append(line)

    # Of the rows that have it, the streams' own has no prompts beside it.
    add("15", "p99_over_p50_alone", "prompts arrive: streams' p99 over p50 alone", "≤ 1.5", 1.5,
        True, lambda t: f"p99 {t.get('p99_ms'):.2f} ms", only="+pp")
    add("15", "share_of_rate_alone", "prompts beside streams: rate over theirs alone", "≥ 0.25",
        0.25, False, lambda t: f"first token after {t.get('ttft_ms'):.0f} ms")
    add("17", "ttft_over_cold", "prompt cached to 95 %: first token over cold", "≤ 0.12", 0.12,
        True, lambda t: f"after {t.get('ttft_ms'):.2f} ms")
    return lines


def goals(logs):
    read, compute = "device_read", "tensor_f16"
    return [
        speed_line(logs, "9", "1B BF16, one request", SMALL, "tg128", read, 0.85, 1),
        speed_line(logs, "10", "8B Q4_K_M, one request", LARGE, "tg128", read, 0.80, 1),
        speed_line(logs, "10", "1B Q4_K_M, one request", SMALL_Q4, "tg128", read, 0.60, 1),
        speed_line(logs, "11", "8B Q4_K_M, prompt of 2048", LARGE, "pp2048", compute, 0.65, 2048),
        batch_line(logs, 16, 1.15),
        batch_line(logs, 64, 1.6),
        attention_line(logs, 32, 8192, 0.85),
        attention_line(logs, 1, 32768, 0.70),
        # Nothing measures it yet.
        Line("13", "8B Q4_K_M, attention of ragged lengths", "≥ 85 % of device_read"),
        speed_line(logs, "14", "8B Q4_K_M, 32 requests", LARGE, "tg128@32", read, 0.85),
        speed_line(logs, "14", "8B Q4_K_M, 32 requests × 8192", LARGE, "tg128@32@d8192", read, 0.85),
        *serving_lines(logs),
    ]


def print_table(names, rows):
    for cells in [names, ["---"] * len(names), *rows]:
        print("| " + " | ".join(cells) + " |")


def limits(logs):
    """What the machine can do, by our probes and by torch."""
    said = []
    if "device_read" in logs.probes:
        said.append(f"probe:device_read {logs.probes['device_read']:,.0f} GB/s")
    if "tensor_f16" in logs.probes:
        said.append(f"probe:tensor_f16 {logs.probes['tensor_f16'] * 1e-12:,.0f} TFLOP/s")
    for field, what, scale, unit in (
            ("read_gb_per_second", "torch reads", 1, "GB/s"),
            ("copy_gb_per_second", "torch copies", 1, "GB/s"),
            ("matmul_flops_per_second", "torch multiplies bf16 at", 1e-12, "TFLOP/s")):
        if logs.torch.get(field):
            said.append(f"{what} {logs.torch[field] * scale:,.0f} {unit}")
    if logs.torch.get("device"):
        said.insert(0, logs.torch["device"])
    return "Limits: " + ("; ".join(said) if said else NOT_RUN) + "."


def all_tests(logs):
    for (shape, kind), tests in sorted(logs.tests.items()):
        for name, test in tests.items():
            share = f"{test.get('percent_of_limit'):.1f} {test.row['limit']}" \
                if test.row.get("limit") else ""
            yield [f"{shape} {kind}", name, f"{test.get('tokens_per_second'):,.1f}",
                   f"{test.get('gb_per_second'):,.0f}",
                   f"{test.get('flops_per_second') * 1e-12:,.1f}", share]


def main(arguments):
    if len(arguments) != 1:
        sys.exit("usage: gpu_table.py FOLDER")
    logs = Logs(arguments[0])
    print(limits(logs) + "\n")
    print_table(["row", "what", "goal", "ours", "of the limit", "distance", "peer"],
                [line.cells() for line in goals(logs)])
    tests = list(all_tests(logs))
    if tests:
        print()
        print_table(["model", "test", "tok/s", "GB/s", "TFLOP/s", "% of limit"], tests)


if __name__ == "__main__":
    main(sys.argv[1:])
