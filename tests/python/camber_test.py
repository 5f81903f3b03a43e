#!/usr/bin/env python3
"""The Python package, against the command `camber`:  camber_test.py CAMBER [EXAMPLE]

The package is imported as it is found: from PYTHONPATH with CAMBER_LIBRARY, or installed. EXAMPLE: examples/street.py.
Ends with 77 where there is no NumPy.
"""

import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

try:
    import numpy as np
except ImportError:
    print("skipped: this Python has no NumPy")
    sys.exit(77)

import camber

HERE = pathlib.Path(__file__).resolve().parent


def command(*arguments, data=None):
    return subprocess.run([CAMBER, *map(str, arguments)], input=data, stdout=subprocess.PIPE, check=True).stdout


def noise(*shape):
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def predict_in_child(checkpoint, frame, queue):
    """What a process started by multiprocessing comes to."""
    try:
        with camber.Model(checkpoint) as model:
            queue.put(model.predict(frame).tobytes())
    except camber.Error as error:
        queue.put((error.code, str(error)))


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        command("data", "synth", "--out", cls.folder / "data", "--train", "8", "--val", "3", "--size", "64x96")
        command("train", "--data", cls.folder / "data", "--out", cls.folder / "run", "--device", "cpu", "--width", "4",
                "--size", "32x48", "--batch", "2", "--epochs", "2")
        cls.checkpoint = cls.folder / "run" / "best.safetensors"
        cls.pictures = sorted((cls.folder / "data" / "val").glob("*.png"))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_label_maps_are_those_of_the_command(self):
        command("predict", "--checkpoint", self.checkpoint, "--out", self.folder / "out", "--write",
                "labels,colours,probabilities", *self.pictures)
        with camber.Model(self.checkpoint) as model:
            for picture in self.pictures:
                frame = camber.read_picture(picture)
                self.assertEqual(frame.shape, (64, 96, 3))
                result = model.run(frame, logits=True, probabilities=True)

                def written(end, name=picture.stem):
                    return self.folder / "out" / (name + end)

                self.assertTrue((result.labels == camber.read_picture(written("_labels.png"), 1)).all())
                self.assertTrue((model.palette[result.labels] == camber.read_picture(written("_colours.png"))).all())
                self.assertTrue((result.probabilities == np.load(written("_probabilities.npy"))).all())
                self.assertTrue((result.logits.argmax(-1) == result.labels).all())
                self.assertTrue((model.predict(frame) == result.labels).all())
                self.assertGreater(len(np.unique(result.labels)), 1)

    def test_frames_of_any_size_are_those_of_the_pipe(self):
        for options, flags in (({}, []), ({"size": (64, 64), "flip": True}, ["--size", "64x64", "--flip"]),
                               ({"size": "own"}, ["--size", "own"]),
                               ({"scales": (0.5, 1.5)}, ["--scales", "0.5,1.5"]),
                               ({"tile": (32, 32), "overlap": 0.5}, ["--tile", "32x32", "--overlap", "0.5"]),
                               ({"tile": (32, 32), "overlap": 0}, ["--tile", "32x32", "--overlap", "0"])):
            with camber.Model(self.checkpoint, **options) as model:
                for height, width in ((64, 96), (45, 133), (1, 1)):
                    frame = noise(height, width, 3)
                    piped = command("predict", "--checkpoint", self.checkpoint, "--stdin", f"{height}x{width}",
                                    "--write", "labels", *flags, data=frame.tobytes())
                    self.assertEqual(model.predict(frame).tobytes(), piped, (options, height, width))

    def test_arrays_of_every_layout(self):
        frame = noise(40, 60, 3)
        with camber.Model(self.checkpoint) as model:
            def same(array, contiguous):
                self.assertTrue((model.predict(array) == model.predict(np.ascontiguousarray(contiguous))).all())

            same(frame[::2, 10:50], frame[::2, 10:50])  # rows apart: no copy
            same(frame[:, ::-1], frame[:, ::-1])
            same(frame[::-1], frame[::-1])
            same(np.asfortranarray(frame), frame)
            same(frame[..., ::-1], frame[..., ::-1])  # BGR
            same(np.broadcast_to(frame[:1], frame.shape), np.repeat(frame[:1], 40, 0))
            same(np.dstack([frame, frame[..., 0]]), frame)  # RGBA
            same(frame[..., 0], np.repeat(frame[..., :1], 3, 2))  # grey
            for wrong in (frame.astype(np.float32), frame[np.newaxis], frame[..., :2], frame[:0], frame[0, 0], "x"):
                with self.assertRaises(camber.BadArgument):
                    model.predict(wrong)

    def test_what_a_network_is(self):
        with camber.Model(self.checkpoint, device="cpu", threads=2) as model:
            self.assertEqual((model.network, model.device, model.dtype, model.threads), ("unet", "cpu", "f32", 2))
            self.assertEqual((model.input_size, model.channels, model.resizing), ((32, 48), 3, "antialias"))
            self.assertEqual(len(model.classes), 11)
            self.assertEqual(model.classes[3], camber.Class(3, "Road", (128, 64, 128)))
            self.assertEqual(model.void.id, 11)
            self.assertEqual(model.palette[3].tolist(), [128, 64, 128])
            self.assertAlmostEqual(model.mean[0], 0.485, 6)
            self.assertEqual(repr(model), "<camber.Model unet on cpu, f32, 11 classes>")
        self.assertIsNone(camber.Model(self.checkpoint, size="own").input_size)

    def test_errors_have_codes_and_lines(self):
        wrong = self.folder / "wrong.safetensors"
        whole = self.checkpoint.read_bytes()
        for contents in (b"", whole[:1000], whole[:-1], self.pictures[0].read_bytes(), b"\x00" * 1000):
            wrong.write_bytes(contents)
            with self.assertRaises(camber.BadFile) as caught:
                camber.Model(wrong)
            self.assertEqual(caught.exception.code, 2)
            self.assertIn(str(wrong), str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))
            self.assertIsInstance(caught.exception, OSError)
        with self.assertRaisesRegex(camber.BadFile, "No such file"):
            camber.Model(self.folder / "nothing")
        for options in ({"device": "gpu"}, {"device": 3}, {"dtype": "f64"}, {"threads": -1}, {"size": "whole"},
                        {"size": 3}, {"size": (33, 33)}, {"size": (32.5, 32)}, {"size": (2**32 + 32, 32)},
                        {"threads": 2**32 + 1}, {"threads": 1.5}, {"tile": (33, 33)}, {"overlap": 0.5}, {"tile": (32,)},
                        {"size": "own", "tile": (32, 32)}, {"tile": (32, 32), "overlap": 2},
                        {"scales": (0, 1)}, {"scales": 2}, {"scales": ()}, {"scales": ("a",)},
                        {"scales": [float("nan")]}):
            with self.assertRaises(camber.BadArgument, msg=options) as caught:
                camber.Model(self.checkpoint, **options)
            self.assertIsInstance(caught.exception, ValueError)
        with self.assertRaises(camber.BadFile):
            camber.read_picture(self.checkpoint)
        with self.assertRaises(camber.Error):
            camber.write_png(self.folder / "no" / "a.png", noise(3, 3, 3))

    def test_a_closed_model_says_so(self):
        with camber.Model(self.checkpoint) as model:
            pass
        model.close()
        with self.assertRaisesRegex(camber.BadArgument, "closed"):
            model.predict(noise(3, 3, 3))

    def test_models_in_threads(self):
        frames = [noise(40, 60, 3), noise(64, 96, 3)]
        with camber.Model(self.checkpoint) as one:
            alone = [one.predict(frame) for frame in frames]
            results = [None] * 4

            def work(i):
                frame = frames[i % 2]
                if i < 2:  # the same model
                    results[i] = [one.predict(frame) for _ in range(5)]
                else:
                    with camber.Model(self.checkpoint) as own:
                        results[i] = [own.predict(frame) for _ in range(5)]

            threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for i, labels in enumerate(results):
            self.assertTrue(all((each == alone[i % 2]).all() for each in labels))

    def test_processes_are_spawned_and_not_forked(self):
        frame = noise(40, 60, 3)
        with camber.Model(self.checkpoint) as model:
            expected = model.predict(frame).tobytes()
        for method in ("spawn", "fork"):
            context = multiprocessing.get_context(method)
            queue = context.Queue()
            process = context.Process(target=predict_in_child, args=(self.checkpoint, frame, queue))
            process.start()
            result = queue.get(timeout=120)
            process.join()
            if method == "spawn":
                self.assertEqual(result, expected)
            else:
                self.assertEqual(result[0], 3)
                self.assertIn("spawn", result[1])

    def test_the_program_of_the_documentation(self):
        text = (HERE.parent.parent / "docs" / "library.md").read_text()
        program = text.split("```python\n")[1].split("```")[0]
        out = self.folder / "of_documentation.png"
        said = subprocess.run([sys.executable, "-c", program, self.checkpoint, self.pictures[0], out], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        self.assertEqual(len(said.splitlines()), 11)
        with camber.Model(self.checkpoint) as model:
            frame = camber.read_picture(self.pictures[0])
            self.assertTrue((camber.read_picture(out) == model.palette[model.predict(frame)]).all())

    def test_the_example(self):
        if not EXAMPLE:
            self.skipTest("no example was named")
        out = self.folder / "painted.png"
        said = subprocess.run([sys.executable, EXAMPLE, self.checkpoint, self.pictures[0], out], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        self.assertIn("<camber.Model unet on ", said)
        self.assertIn("a frame of (64, 96, 3)", said)
        shares = [float(line.split()[-1][:-1]) for line in said.splitlines() if line.endswith("%")]
        self.assertAlmostEqual(sum(shares), 100, delta=1)
        painted, frame = camber.read_picture(out), camber.read_picture(self.pictures[0])
        self.assertEqual(painted.shape, frame.shape)
        self.assertTrue((painted != frame).any())


if __name__ == "__main__":
    CAMBER = os.path.abspath(sys.argv[1])
    EXAMPLE = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
    unittest.main(argv=sys.argv[:1], verbosity=2)
