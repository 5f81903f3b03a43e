"""The stages, in their order: what matters most comes first."""
import dataclasses
import typing

import kernels
import networks
import step
import training
import works


@dataclasses.dataclass(frozen=True)
class Stage:
    name: str
    seconds: float  # its budget
    about: str
    run: typing.Callable  # of (Check, deadline)
    always: bool = True  # else when it is asked for


STAGES = [
    Stage("works", 75, "rates, losses beside the CPU's, compute-sanitizer, tests on the device", works.run),
    Stage("step", 150, "the training step, beside PyTorch's", step.run),
    Stage("kernels", 90, "every convolution of the step, every primitive", kernels.run),
    Stage("networks", 300, "the published networks' steps, beside their originals'", networks.run, always=False),
    Stage("training", 165, "a CamVid run", training.run),
]
