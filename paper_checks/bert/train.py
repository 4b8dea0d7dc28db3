"""A run from its first step, or from its last checkpoint, to its scores."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from paper_checks.bert.batches import assemble, epoch, in_order
from paper_checks.bert.checkpoints import Checkpoints
from paper_checks.bert.encoder import Encoder
from paper_checks.bert.memory import (
    Setting,
    check_memory,
    device_limit,
    peak_flops,
    training_flops,
)
from paper_checks.bert.model import MultiTask, new_model
from paper_checks.bert.problem import Problem, Tasks
from paper_checks.bert.run import Machine, Run
from paper_checks.bert.sharding import Layout, check_batch, new_layout
from paper_checks.bert.trainer import Meter, State, Trainer
from paper_checks.data.glue import scores

Report = Callable[[str], None]


class Trained(NamedTuple):
    """What a run leaves: its model, the loss of every step, and scores by task."""

    model: MultiTask
    losses: list[float]
    scores: dict[str, dict[str, float]]
    tokens_a_second: float
    utilisation: float | None


def train(
    run: Run,
    problem: Problem,
    machine: Machine,
    folder: Path,
    report: Report,
    *,
    layout: Layout | None = None,
    stop_after: int | None = None,
) -> Trained | None:
    """Train, and score on the dev splits after the last step.

    Args:
        run: What is trained.
        problem: What it reads.
        machine: How it is done.
        folder: Of its checkpoints; a run that was cut short goes on from there, with
            the same losses as if it had not been.
        report: Told loss and speed.
        layout: All devices, cut as `machine` says, if not given.
        stop_after: Stop after so many steps and a checkpoint, and return `None`.

    Raises:
        ValueError: The batch does not fit or cannot be shared out, a checkpoint is of
            another run, or a loss is not finite.
    """
    layout = new_layout(machine.pieces) if layout is None else layout
    check_batch(layout, run.batch)
    encoder, losses = problem.encoder, []
    if problem.sources is not None:
        # The encoder alone goes on from here: its tasks are not aligned.
        before = replace(run, alignment="none")
        own = folder / "sources"
        first = _Stage(before, problem, problem.sources, machine, layout, own, report)
        done = first.train(encoder, stop_after)
        if done is None:
            return None
        encoder, losses = done.model.encoder, first.losses
    stage = _Stage(
        run, problem, problem.tasks, machine, layout, folder / "tasks", report
    )
    done = stage.train(encoder, stop_after)
    if done is None:
        return None
    speed = stage.whole.speed()
    return Trained(
        model=done.model,
        losses=losses + stage.losses,
        scores=stage.scores(done),
        tokens_a_second=speed.tokens,
        utilisation=speed.utilisation,
    )


class _Stage:
    """Training on the tasks or on the sources."""

    def __init__(
        self,
        run: Run,
        problem: Problem,
        tasks: Tasks,
        machine: Machine,
        layout: Layout,
        folder: Path,
        report: Report,
    ) -> None:
        self.run, self.problem, self.tasks = run, problem, tasks
        self.machine, self.layout, self.folder = machine, layout, folder
        self.report, self.losses = report, []
        self.aligned = run.alignment != "none"
        limit = device_limit() if machine.memory is None else machine.memory * 1e9
        check_memory(self._setting(), limit)
        self.each = len(self._plan(0))
        self.steps = self.each * run.epochs
        self.trainer = Trainer(
            machine.compute, run.rates, run.alignment, self.steps, layout
        )
        peak = machine.peak and machine.peak * 1e12
        peak = peak_flops(jax.devices()[0].device_kind) if peak is None else peak
        peak = peak and peak * layout.devices
        self.meter, self.whole = Meter(peak), Meter(peak)

    def train(self, encoder: Encoder, stop_after: int | None) -> State | None:
        """All steps that are left."""
        model = new_model(
            encoder,
            self.run.seed,
            tasks=len(self.tasks.names),
            aligned=self.aligned,
        )
        with Checkpoints(self.folder, self._about()) as kept:
            found = kept.restore(self.trainer.shapes(model))
            if found is None:
                state: Any = self.trainer.start(model)
            else:
                state, self.losses = found
                self.report(f"goes on after step {len(self.losses)} of {self.steps}")
            return self._steps(state, kept, stop_after)

    def _steps(
        self, state: State, kept: Checkpoints, stop_after: int | None
    ) -> State | None:
        done = len(self.losses)
        key = jax.random.key(self.run.seed, impl=self.run.generator)
        waiting: list[Array] = []
        plan = self._plan(done // self.each)
        for step in range(done, self.steps):
            number, place = divmod(step, self.each)
            if place == 0:
                plan = self._plan(number)
            chosen = plan[place]
            batch = assemble(self.tasks.train[chosen.task], chosen, self.run.batch)
            state, loss = self.trainer.advance(state, self.layout.put(batch), key)
            waiting.append(loss)
            self._count(chosen.length, len(chosen.rows), batch.tokens)
            after = step + 1
            ends = after in (self.steps, stop_after)
            saves = ends or after % self.machine.save_every == 0
            if saves or after % self.machine.report_every == 0:
                self._flush(waiting)
            if saves:
                kept.save(after, state, self.losses)
            if after == stop_after and after < self.steps:
                return None
        return state

    def scores(self, state: State) -> dict[str, dict[str, float]]:
        """Of every task, on its dev split."""
        found = {}
        for place, name in enumerate(self.tasks.names):
            dev = self.tasks.dev[place]
            told = np.zeros_like(dev.labels)
            for chosen in in_order(dev, place, self.tasks.padded, self.run.batch):
                batch = self.layout.put(assemble(dev, chosen, self.run.batch))
                logits = self.trainer.logits(state, batch)
                told[chosen.rows] = np.argmax(logits, axis=1)[: len(chosen.rows)]
            found[name] = scores(name, dev.labels, told)
        return found

    def _plan(self, number: int) -> list:
        tasks, run = self.tasks, self.run
        return epoch(tasks.train, tasks.padded, run.batch, run.seed, number)

    def _count(self, length: int, rows: int, tokens: int) -> None:
        config = self.problem.config
        flops = training_flops(config, rows, length, aligned=self.aligned)
        for meter in (self.meter, self.whole):
            meter.add(tokens, flops)

    def _flush(self, waiting: list[Array]) -> None:
        """Fetch the losses of steps that have been sent off, and report."""
        values = [float(loss) for loss in waiting]
        waiting.clear()
        for place, value in enumerate(values):
            if not math.isfinite(value):
                step = len(self.losses) + place
                raise ValueError(
                    f"the loss of step {step} is {value}: the run diverged; take a "
                    "smaller rate or more warmup"
                )
        if not self.losses and len(values) < self.steps:
            # The first steps are mostly compilation.
            self.whole.speed()
        self.losses += values
        self.report(
            f"{self.run.name}: step {len(self.losses)} of {self.steps}, loss "
            f"{np.mean(values):.4f}, {self.meter.speed()}"
        )

    def _setting(self) -> Setting:
        return Setting(
            config=self.problem.config,
            rows=self.run.batch,
            length=max(self.tasks.padded),
            devices=self.layout.devices,
            pieces=self.layout.pieces,
            tasks=len(self.tasks.names),
            aligned=self.aligned,
            compute=self.machine.compute,
        )

    def _about(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be gone on with."""
        own: Sequence[str] = self.tasks.names
        about = self.run.as_json() | {"trained": own, "steps": self.steps}
        return about | {
            "checksums": self.problem.checksums,
            "dtype": self.machine.compute.dtype,
            "config": repr(self.problem.config),
        }
