"""bench/gpu_check with programs that stand in for a GPU's, some of which hang, crash or print nonsense, with the whole
killed at random moments; and with the real programs on the emulated device.

    gpu_check_test.py BUILD     BUILD: a folder with camber, bench_step and the tests
"""
import concurrent.futures
import contextlib
import io
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
sys.path.insert(0, str(PROJECT / "bench/gpu_check"))
import device_tests
from check import FULL, TINY
from results import Results, read_before
from runner import Part, Runner
PROGRAMS = FULL.programs()
BUILD = pathlib.Path("build")
SECONDS = 480  # of a run: far more than it takes
HANG = 45      # of one in which something hangs: its budget is waited for
LATE = 3       # seconds that a busy machine may add
KILLS = 6
OUTCOMES = r"(done|failed|ended|absent|not reached)"
pool = concurrent.futures.ThreadPoolExecutor(max_workers=6)


class Run:
    """A run of the command in a folder of its own."""

    def __init__(self, *options, build=None, signal_after=None, **environment):
        self.folder = tempfile.TemporaryDirectory()
        root = pathlib.Path(self.folder.name)
        stand_ins = root / "stand-ins"
        if not build:
            tools = ["stand-ins/compute-sanitizer", "stand-ins/python3"]
            for program in [f"build/{name}" for name in PROGRAMS] + tools:
                (root / program).parent.mkdir(parents=True, exist_ok=True)
                (root / program).symlink_to(HERE / "stand_in.sh")
            (root / "camvid").mkdir()
            (root / "camvid/train.txt").touch()
        (root / "tests/fixtures").mkdir(parents=True, exist_ok=True)
        self.out = root / "out"
        command = [sys.executable, PROJECT / "bench/gpu_check", "--out", self.out, "--work", root / "work",
                   "--build", build or root / "build", "--jobs", "3", *options]
        if "--seconds" not in options:
            command += ["--seconds", str(SECONDS)]
        path = f"{stand_ins}:{os.environ['PATH']}"
        begun = time.monotonic()
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=os.environ | {"PATH": path} | environment)
        if signal_after:
            time.sleep(signal_after[1])
            process.send_signal(signal_after[0])
        self.output, self.errors = process.communicate(timeout=SECONDS + 60)
        self.seconds, self.code = time.monotonic() - begun, process.returncode
        self.left = self.wait_for_processes(root)
        self.tar = self.read_tar()
        self.results = json.loads(self.tar.get("results.json", "{}"))
        self.parts = self.results.get("parts", {})

    @staticmethod
    def wait_for_processes(root):
        """Processes that still run in the folder, given a moment to go."""
        for _ in range(20):
            left = []
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    if os.readlink(process / "cwd").startswith(str(root)):
                        left.append((process / "cmdline").read_text().replace("\0", " "))
                except OSError:
                    continue
            if not left:
                return []
            time.sleep(0.1)
        return left

    def read_tar(self):
        file = self.out / "results.tar"
        if not file.is_file():
            return {}
        with tarfile.open(file) as tar:
            return {m.name: tar.extractfile(m).read().decode(errors="replace") for m in tar if m.name[-3:] != ".gz"}

    def announced(self):
        """Parts that the output says are over: {name: outcome}."""
        found = re.findall(rf"^ *{OUTCOMES} (\S+(?: \d+(?:-\d+)?)?)(?: \(|$)", self.output, re.M)
        return {name: outcome for outcome, name in found}

    def outcome(self, name):
        return self.parts.get(name, {}).get("outcome")


# Where something hangs: the stages that are run, the part that is then ended, and parts that are done all the same.
HANGS = {
    "camber info": ("step,training", "found/info", ["step/bf16", "training"]),
    "bench primitives --device cuda --json --rates": ("works,kernels", "rates", ["tests/backend 1-2", "kernels/own"]),
    "bench_step --losses --device cpu": ("works,kernels", "trains/cpu", ["trains/f32", "kernels/own"]),
    "test_ops -r=xml": ("works,kernels", "tests/ops 1-2", ["tests/backend 1-2", "kernels/own"]),
    "test_nn -ltc": ("works,kernels", "listed/nn", ["tests/backend 1-2", "kernels/own"]),
    "compute-sanitizer --tool racecheck": ("works,kernels", "sanitizer/racecheck", ["sanitizer/memcheck", "rates"]),
    "compile-only": ("works,step", "pytorch/compile", ["rates", "step/bf16", "pytorch/bf16"]),
    "bench_step --device cuda --dtype bf16 --steps 50": ("step,kernels", "step/bf16", ["rates", "step/f32"]),
    "--variant compile-graph graph": ("step,training", "pytorch/bf16", ["step/bf16", "step/f32", "training"]),
    "bench primitives --device cuda --json --seconds": ("kernels,training", "kernels/own", ["training"]),
    "primitives conv": ("kernels,training", "kernels/convolutions", ["kernels/own", "training"]),
    "camber train": ("kernels,training", "training", ["kernels/own"]),
}


def setUpModule():
    """Starts every run: most of them wait."""
    global fine, again, hangs, others, killed, ended, real
    fine = pool.submit(Run)
    hangs = {words: pool.submit(Run, "--stages", stages, "--seconds", str(HANG), FAULT=f"{words}=hang")
             for words, (stages, *_) in HANGS.items()}
    others = {name: pool.submit(Run, **environment) for name, environment in {
        "crash": {"FAULT": "bench_step --device cuda --dtype bf16 --steps=crash"},
        "garbage": {"FAULT": "bench=garbage"}, "child": {"FAULT": "test_=child"},
        "fails": {"FAILS": "backend"}, "unlisted": {"FAULT": "test_nets -ltc=crash"}}.items()}
    others["orphans"] = pool.submit(Run, "--stages", "step", signal_after=(signal.SIGKILL, 2),
                                    FAULT="bench_step --device cuda=parent")
    killed = {at: pool.submit(Run, signal_after=(signal.SIGKILL, at), SECONDS_EACH="0.1")
              for at in (random.uniform(0.3, 10) for _ in range(KILLS))}
    ended = pool.submit(Run, signal_after=(signal.SIGTERM, 3), FAULT="bench_step --device cuda --dtype=hang")
    scenes = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(scenes.cleanup)
    data = f"{scenes.name}/data"
    subprocess.run([BUILD / "camber", "data", "synth", "--out", data, "--train", "4", "--val", "2", "--size", "32x64"],
                   check=True, stdout=subprocess.DEVNULL)
    real = pool.submit(Run, "--device", "emulated", "--tiny", "--data", data, build=BUILD, OMP_NUM_THREADS="1")


class GpuCheck(unittest.TestCase):
    def check_time(self, run, seconds=SECONDS):
        self.assertLess(run.seconds, seconds + LATE, run.output + run.errors)

    def check_kept(self, run):
        """What was announced is in the tar, and nothing runs on."""
        for name, outcome in run.announced().items():
            self.assertEqual(run.outcome(name), outcome, name)
        self.assertEqual(run.left, [])

    def test_all_is_done_and_shown(self):
        run = fine.result()
        self.check_time(run)
        self.check_kept(run)
        self.assertEqual(run.code, 0, run.output + run.errors)
        self.assertEqual({part["outcome"] for part in run.parts.values()}, {"done"})
        table = run.tar["table.txt"]
        for shown in ("18 of 18, 0 failed  (reached)", "memcheck clean, racecheck clean, synccheck clean  (reached)",
                      "0.0e+00", "1 of 1  (reached)", "0.7 s  (reached)", "yes  (reached)", "+0.20 ms  (reached)",
                      "1.20 times (13.00 ms; 15.60 ms", "(NOT reached)", "0.50 of it  (reached)",
                      "after 41 s  (reached)", "a copy: 3000 GB/s",
                      "\n  cuBLAS 13.1.0 (/a/libcublasLt.so.13)\n", "steps 90.0", "a_kernel", "(1 differed)"):
            self.assertIn(shown, table)
        self.assertIn("70% validation mean IoU", run.output.splitlines()[-1])
        self.assertLess(len(run.output), 16_000)
        self.assertIn("run/metrics.jsonl", run.tar)
        self.assertIn("logs/step-bf16.out", run.tar)
        convolution = run.parts["convolutions"]["figures"]["calls"][0]
        self.assertEqual(convolution["operations_per_second"], 2 * 16 * 16 * 16 * 64 * 9 * 64 / 0.05e-3)
        self.assertEqual((convolution["best_plain_milliseconds"], convolution["best_fused_milliseconds"]), (0.06, 0.05))

    def test_one_that_hangs_costs_no_other(self):
        for words, (_, name, done) in HANGS.items():
            with self.subTest(words):
                run = hangs[words].result()
                self.check_time(run, HANG)
                self.check_kept(run)
                self.assertEqual(run.code, 1)
                self.assertEqual(run.outcome(name), "ended", run.output)
                self.assertIn(f"ended: {name}", run.tar["table.txt"])
                for other in done:
                    self.assertEqual(run.outcome(other), "done", f"{other}\n{run.output}")

    def test_crashes_and_nonsense_are_said(self):
        run = others["crash"].result()
        self.assertEqual(run.outcome("step/bf16"), "failed")
        self.assertIn("SIGSEGV", run.parts["step/bf16"]["why"])
        self.assertEqual(run.outcome("training"), "done")
        run = others["garbage"].result()
        self.check_kept(run)
        self.assertEqual(run.outcome("training"), "done")
        self.assertNotIn("Traceback", run.output + run.errors)
        self.assertEqual(others["child"].result().left, [])

    def test_a_failing_case_runs_again_by_itself(self):
        run = others["fails"].result()
        self.assertEqual(run.code, 1)
        self.assertEqual(run.outcome("again/backend 2"), "failed")
        self.assertIn("17 of 18, 1 failed", run.tar["table.txt"])
        self.assertIn("backend: two, and more: an illegal address in the kernel 'pool'", run.tar["table.txt"])

    def test_what_a_test_program_prints(self):
        output = '''<doctest>
    <TestCase name="a &lt;b&gt;" filename="x.cpp" line="3">
printed in between
      <Expression success="false" type="CHECK" filename="x.cpp" line="22">
        <Original>
          error &lt;= 1
        </Original>
        <Info>
          f32 on cuda
        </Info>
      </Expression>
      <Expression success="false" type="CHECK" filename="x.cpp" line="23">
      </Expression>
      <OverallResultsAsserts successes="1" failures="2" test_case_success="false" duration="0.5"/>
    </TestCase>
    <TestCase name="skipped" filename="x.cpp" line="3" skipped="true"/>
    <TestCase name="good" filename="x.cpp" line="3">
      <OverallResultsAsserts successes="1" failures="0" test_case_success="true" duration="0.25"/>
    </TestCase>
    <TestCase name="half" filename="x.cpp" line="3">
      <Expression succ'''
        self.assertEqual(device_tests.read(output, ["a <b>", "good", "half", "never begun"]), {
            "passed": {"good": 0.25}, "failed": {"a <b>": "x.cpp:22: error <= 1 f32 on cuda"},
            "unfinished": ["half", "never begun"]})

    def test_what_runs_in_the_background_waits_for_quiet_parts(self):
        with tempfile.TemporaryDirectory() as folder:
            logs, outcomes = pathlib.Path(folder), {}
            runner = Runner(logs, lambda name, outcome: outcomes.update({name: outcome}), lambda running: None, grace=1)
            ticks = "import time\nwhile True:\n print(time.time(), flush=True)\n time.sleep(0.02)"
            runner.start_background(Part("ticks", [sys.executable, "-c", ticks], 60))
            quiet = "import time\nprint(time.time())\ntime.sleep(0.5)\nprint(time.time())"
            read = lambda output: {"times": [float(line) for line in output.split()]}
            ticking = f"until [ -s {logs}/ticks.out ]; do sleep 0.05; done; sleep 0.3"
            wait = Part("wait", ["sh", "-c", ticking], 60)
            part = Part("quiet", [sys.executable, "-c", quiet], 60, read, quiet=True)
            self.assertTrue(runner.run([wait, part, wait], time.monotonic() + 120))
            runner.end_background()
            begin, end = outcomes["quiet"]["figures"]["times"]
            times = [float(line) for line in (logs / "ticks.out").read_text().split()]
            self.assertEqual([at for at in times if begin <= at <= end], [])
            self.assertTrue(any(at < begin for at in times) and any(at > end for at in times), times)
            self.assertEqual(outcomes["ticks"]["outcome"], "ended")

    def test_the_cases_chosen_by_name_are_there(self):
        for names in [*FULL.library_cases, *FULL.sanitizer.values(), *TINY.sanitizer.values()]:
            for name in names.split(","):
                with self.subTest(name):
                    command = [BUILD / "tests/test_backend", "-ltc", "-r=xml", f"-tc={name}"]
                    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                    self.assertNotEqual(device_tests.read_listing(listing)["cases"], [])

    def test_killed_at_any_moment(self):
        for at, future in killed.items():
            with self.subTest(at):
                self.check_kept(future.result())

    def test_nothing_of_a_killed_one_runs_on(self):
        run = others["orphans"].result()
        self.assertEqual(run.code, -signal.SIGKILL)
        self.assertEqual(run.left, [])

    def test_what_was_not_measured_is_not_reached(self):
        run = others["unlisted"].result()
        self.assertRegex(run.tar["table.txt"], "16 of 16, 0 failed; nothing is known of nets  \\(NOT reached\\)")
        self.assertEqual(run.code, 1)
        run = hangs["bench primitives --device cuda --json --seconds"].result()
        self.assertRegex(run.tar["table.txt"], "90% of the copy +not measured")
        run = hangs["bench_step --device cuda --dtype bf16 --steps 50"].result()
        self.assertNotRegex(run.tar["table.txt"], r"planned within 15 s .*\(reached\)")

    def test_a_full_disk_costs_no_stage(self):
        run = Run("--stages", "step,training", "--out", "/dev/full/out")
        self.assertEqual(run.code, 2)
        with tempfile.TemporaryDirectory() as folder:
            logs, choices = pathlib.Path(folder) / "logs", pathlib.Path(folder) / "choices"
            logs.mkdir()
            results = Results(pathlib.Path(folder) / "out", logs, choices, {}, str)
            results.write()
            self.assertEqual(results.why_not_written, "")
            (results.folder / "results.json").unlink()
            (results.folder / ".results.json.new").mkdir()  # as good as a full disk
            with contextlib.redirect_stdout(io.StringIO()) as said:
                for name in ("one", "two"):
                    results.add(name, {"outcome": "done"})
            self.assertEqual(said.getvalue().count("cannot be written"), 1)
            self.assertEqual(set(results.data["parts"]), {"one", "two"})

    def test_damaged_results_of_before(self):
        whole = (fine.result().out / "results.tar").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            before, choices = pathlib.Path(folder) / "before.tar", pathlib.Path(folder) / "choices"
            before.write_bytes(whole)
            self.assertTrue(read_before(before, choices)["parts"])
            for damaged in (b"", whole[:len(whole) // 2], whole[:-10240], bytes(10240),
                            whole.replace(b'"outcome": "done"', b'"outcome":   null')):
                before.write_bytes(damaged)
                with self.assertRaises((OSError, EOFError, KeyError, ValueError, tarfile.TarError)):
                    read_before(before, choices)

    def test_ended_from_outside(self):
        run = ended.result()
        self.check_kept(run)
        self.assertEqual(run.code, 1)
        self.assertLess(run.seconds, 3 + LATE)
        self.assertIn("ended by SIGTERM", run.output)
        self.assertIn("not measured", run.output.splitlines()[-1])

    def test_some_stages_again_beside_what_was_before(self):
        before = str(fine.result().out / "results.tar")
        run = Run("--stages", "kernels", "--before", before)
        self.assertEqual(run.code, 0, run.output + run.errors)
        self.assertEqual(run.outcome("convolutions"), "done")  # by the choices of before
        self.assertEqual(run.outcome("step/bf16"), None)
        self.assertIn("1.20 times (13.00 ms", run.tar["table.txt"])
        self.assertIn("what was not run is shown as measured by the run of", run.tar["table.txt"])
        stages = "the stages are works, step, kernels, networks, training"
        for options, code, message in ((["--stages", "kernel"], 2, stages),
                                       (["--stages", ","], 2, "--stages names none"),
                                       (["--seconds", "nan"], 2, "at least 5, not nan"),
                                       (["--seconds", "0"], 2, "at least 5, not 0"),
                                       (["--out", __file__], 2, "File exists"),
                                       (["--work", str(HERE)], 2, "files that are not this program's"),
                                       (["--before", __file__], 2, "is not the results.tar of an earlier run")):
            refused = Run(*options)
            self.assertEqual(refused.code, code)
            self.assertIn(message, refused.errors)

    def test_real_programs_on_the_emulated_device(self):
        run = real.result()
        self.check_time(run)
        self.check_kept(run)
        not_done = {name: p for name, p in run.parts.items() if p["outcome"] not in ("done", "absent")}
        self.assertFalse(not_done, not_done)
        self.assertEqual(run.code, 0)
        figures = lambda name: run.parts[name]["figures"]
        self.assertEqual(figures("trains/f32")["recorded"], True)
        losses = zip(figures("trains/f32")["losses"], figures("trains/cpu")["losses"])
        self.assertLess(max(abs(ours / cpu - 1) for ours, cpu in losses), 1e-5)
        self.assertEqual(figures("step/bf16")["replay_equals_unrecorded"], True)
        self.assertGreater(len(figures("kernels/own")["rows"]), 40)
        self.assertEqual(figures("training")["epochs"], 1)
        seconds_in = figures("training")["seconds_in"]
        self.assertEqual(set(seconds_in), {"steps", "validation", "checkpoints", "report"})
        self.assertGreater(min(seconds_in["steps"], seconds_in["validation"]), 0)
        # Some of a report is written beside the steps.
        self.assertGreater(1.05 * figures("training")["seconds"], sum(seconds_in.values()))
        self.assertGreater(figures("rates")["copy"], 0)
        self.assertIn("absent: cuBLAS does not serve the device 'emulated'", run.tar["table.txt"])


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
