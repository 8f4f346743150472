"""What tools/dev/gpu_table.py makes of JSON files: gpu_table_test.py SCRIPT."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = sys.argv.pop(1)


def probes(read=4000.0, compute=800e12):
    return [{"test": "probe:device_read", "gb_per_second": read, "flops_per_second": None},
            {"test": "probe:tensor_f16", "gb_per_second": None, "flops_per_second": compute}]


def row(test, rate, gigabytes=0.0, percent=None, limit=None, flops=0.0, **figures):
    return {"test": test, "tokens_per_second": rate, "gb_per_second": gigabytes,
            "flops_per_second": flops, "percent_of_limit": percent, "limit": limit, **figures}


class GpuTable(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / name).write_text(text)

    def run_script(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)

    def lines(self):
        """The cells of each goal, by its row and what it is about."""
        run = self.run_script(str(self.folder))
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        rows = [[cell.strip() for cell in line.split("|")[1:-1]]
                for line in run.stdout.splitlines() if line.startswith("|")]
        for cells in rows:
            self.assertIn(len(cells), (6, 7), cells)
        return {(cells[0], cells[1]): cells[2:] for cells in rows}

    def test_what_is_missing_is_not_run(self):
        lines = [cells for key, cells in self.lines().items() if key[0].isdigit()]
        self.assertEqual(len(lines), 14)
        for cells in lines:
            self.assertEqual(cells[1:], ["not run", "", "", ""])
        self.assertEqual(self.run_script(str(self.folder / "none")).returncode, 0)

    def test_what_broke_off_is_not_run(self):
        self.write("bench-llama3.2-1b-BF16-d0.json", '[{"test": "tg12')
        self.write("torch.json", "")
        self.assertEqual(self.lines()["9", "1B BF16, one request"][1], "not run")

    def test_the_share_is_the_benchs_own(self):
        self.write("bench-llama3.2-1b-BF16-d0.json",
                   [row("tg128", 1480.4, 3600.0, 89.25, "device_read"), *probes()])
        self.assertEqual(self.lines()["9", "1B BF16, one request"],
                         ["≥ 85 % of device_read", "1,480 tok/s", "89.2 %",
                          "met, 1.05 of the goal", ""])

    def test_where_another_limit_binds_the_share_is_of_the_probe_that_the_goal_names(self):
        self.write("bench-llama3.1-8b-Q4_K_M-d0.json",
                   [row("pp2048", 20000.0, 50.0, 99.0, "device_read", 400e12), *probes()])
        self.assertEqual(self.lines()["11", "8B Q4_K_M, prompt of 2048"][1:4],
                         ["20,000 tok/s", "50.0 %", "0.77 of the goal"])

    def test_without_probes_there_is_a_speed_and_no_share(self):
        self.write("bench-llama3.2-1b-Q4_K_M-d0.json",
                   [row("tg128", 3000.0, 2400.0, 50.0, "dram_read")])
        self.assertEqual(self.lines()["10", "1B Q4_K_M, one request"][1:4],
                         ["3,000 tok/s, no probe:device_read", "", ""])

    def test_steps_are_compared_by_their_time(self):
        self.write("bench-llama3.1-8b-Q4_K_M-d0.json",
                   [row("tg128", 700.0), row("tg128@16", 8000.0), row("tg128@64", 22400.0)])
        lines = self.lines()
        self.assertEqual(lines["12", "8B Q4_K_M, step of 16 over 1"][1:4],
                         ["1.40×", "", "0.82 of the goal"])
        self.assertEqual(lines["12", "8B Q4_K_M, step of 64 over 1"][1], "2.00×")

    def test_attention_is_what_depth_adds(self):
        # 5 GB in 2 ms; with depth 38 GB in 12 ms: 33 GB in 10 ms.
        self.write("bench-llama3.1-8b-Q4_K_M-d0.json",
                   [row("tg128@32", 32 / 2e-3, 5 / 2e-3), *probes(4100.0)])
        self.write("bench-llama3.1-8b-Q4_K_M-d8192.json",
                   [row("tg128@32@d8192", 32 / 12e-3, 38 / 12e-3), *probes(4125.0)])
        self.assertEqual(self.lines()["13", "8B Q4_K_M, attention of 32 × 8192"][1:4],
                         ["3,300 GB/s", "80.0 %", "0.94 of the goal"])

    def test_each_number_of_streams_has_its_line(self):
        self.write("serving-llama3.1-8b-Q4_K_M.json", [
            row("stall:tg128@4", 1.0, p50_ms=2.0, p99_ms=2.2, p99_over_p50_alone=1.1),
            row("stall:tg128@4+pp4096", 1.0, p50_ms=2.0, p99_ms=2.5, p99_over_p50_alone=1.25),
            row("stall:pp4096+tg128@4", 1.0, ttft_ms=300.0, share_of_rate_alone=0.2),
            row("stall:tg128@16+pp4096", 1.0, p50_ms=2.0, p99_ms=6.0, p99_over_p50_alone=3.0),
            row("prefix:pp4096@95%", 1.0, ttft_ms=9.0, ttft_over_cold=0.1)])
        lines = self.lines()
        pace = "8B Q4_K_M, prompts arrive: streams' p99 over p50 alone"
        self.assertEqual(lines["15", pace + " (stall:tg128@4+pp4096)"][1:4],
                         ["1.250, p99 2.50 ms", "", "met, 1.20 of the goal"])
        self.assertEqual(lines["15", pace + " (stall:tg128@16+pp4096)"][3], "0.50 of the goal")
        self.assertNotIn(("15", pace + " (stall:tg128@4)"), lines)
        self.assertEqual(
            lines["15", "8B Q4_K_M, prompts beside streams: rate over theirs alone "
                        "(stall:pp4096+tg128@4)"][3], "0.80 of the goal")
        self.assertEqual(
            lines["17", "8B Q4_K_M, prompt cached to 95 %: first token over cold "
                        "(prefix:pp4096@95%)"][3], "met, 1.20 of the goal")

    def test_the_peer_is_shown_beside_ours(self):
        self.write("torch.json", {
            "device": "NVIDIA H200", "read_gb_per_second": 4300.0,
            "matmul_flops_per_second": 790e12,
            "linear": [{"model": "llama3.1-8b", "rows": 1, "tokens_per_second": 250.0},
                       {"model": "llama3.1-8b", "rows": 16, "tokens_per_second": 3200.0}]})
        lines = self.lines()
        self.assertEqual(lines["10", "8B Q4_K_M, one request"][1:],
                         ["not run", "", "", "torch, bf16, linear layers alone: 250 tok/s"])
        self.assertEqual(lines["12", "8B Q4_K_M, step of 16 over 1"][4], "torch, bf16: 1.25×")
        first = self.run_script(str(self.folder)).stdout.splitlines()[0]
        self.assertEqual(first, "Limits: NVIDIA H200; torch reads 4,300 GB/s; "
                                "torch multiplies bf16 at 790 TFLOP/s.")

    def test_every_test_is_listed(self):
        self.write("bench-llama3.1-8b-Q8_0-d8192.json",
                   [row("pp512@d8192", 9000.0, 70.0, 41.5, "tensor_f16", 160e12), *probes()])
        self.assertEqual(self.lines()["llama3.1-8b Q8_0", "pp512@d8192"],
                         ["9,000.0", "70", "160.0", "41.5 tensor_f16"])


unittest.main()
