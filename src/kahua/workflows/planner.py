"""From a workflow and its data to tasks: adds what lies between the archive and the steps. Pure.

A job becomes: ``fetch:INPUT`` (objects into a folder), ``convert:INPUT`` (DICOM to NIfTI, where a step asks for it),
the steps, ``write:OUTPUT`` (labelmap to SEG, measurements to SR) and ``store:OUTPUT``.

What a step gets by its placeholders:

============== ============ ====================================================================
placeholder    format, type path
============== ============ ====================================================================
``{inputs.N}``  dicom       folder of DICOM files; of one such folder a series, if the unit is dataset
``{inputs.N}``  nifti       file ``.nii.gz``; folder of one such file a series, if the unit is dataset
``{inputs.N}``  labelmap    file ``labels.nii.gz``, as the earlier step wrote it
``{inputs.N}``  table       file ``measurements.csv``, as the earlier step wrote it
``{inputs.N}``  folder      folder, as the earlier step wrote it
``{outputs.N}`` segmentation file ``labels.nii.gz`` to be written, in the image's grid
``{outputs.N}`` measurements file ``measurements.csv`` to be written: ``name,value,unit[,segment]``
``{outputs.N}`` others      folder to be filled
============== ============ ====================================================================
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kahua import __version__
from kahua.workflows.facts import SeriesFacts
from kahua.workflows.plan import Need, PlannedTask, Source, Target
from kahua.workflows.sizes import GIGABYTE, MEGABYTE, format_bytes
from kahua.workflows.specification import Output, Step, Workflow

#: Memory of a conversion: for its program, and for each byte of the series (decoded, as float, copied once).
CONVERSION_MEMORY = 700 * MEGABYTE
CONVERSION_MEMORY_PER_BYTE = 16
CONVERSION_SECONDS = 1800
CONVERSION_FILE_BYTES = 20 * GIGABYTE

#: A conversion that was killed with the machine's memory short may do better a second time.
CONVERSION_RETRIES = 1

CONVERTERS = ("python", "-m", "kahua.workflows.converters")

LABELS = "labels.nii.gz"
TABLE = "measurements.csv"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What tasks may use in all."""

    cpus: int
    memory_bytes: int
    gpus: int = 0


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """What the tasks of one job are planned from."""

    #: Random and unique: the UIDs of the results are derived from it.
    job_id: str
    workflow: Workflow
    #: Title and version with which results name what made them.
    algorithm: str
    version: str
    parameters: Mapping[str, Any]
    #: Series by input.
    series: Mapping[str, Sequence[SeriesFacts]]

    @property
    def input_bytes(self) -> int:
        """Bytes of all series of the job."""
        return sum(facts.size for many in self.series.values() for facts in many)


def plan(job: JobPlan) -> list[PlannedTask]:
    """Give the tasks of a job, each after those that it needs."""
    tasks = [_fetch(name, many) for name, many in job.series.items()]
    for name in job.series:
        if any(step.inputs.get(name) == "nifti" for step in job.workflow.steps):
            tasks += [_to_nifti(name, facts) for facts in job.series[name]]
    tasks += [_step(job, step) for step in job.workflow.steps]
    for name, output in job.workflow.outputs.items():
        if output.keep:
            tasks += _keep(job, name, output)
    return tasks


def too_large(tasks: Sequence[PlannedTask], machine: Machine) -> list[str]:
    """Why this machine can never run one of the tasks; empty if it can run them all.

    Processors are no reason: with fewer than it asks for, a task is only slower.
    """
    reasons = []
    for task in tasks:
        if task.need.memory_bytes > machine.memory_bytes:
            wanted, given = format_bytes(task.need.memory_bytes), format_bytes(machine.memory_bytes)
            reasons.append(f"The task '{task.title}' needs {wanted} of memory; tasks here may use {given}.")
        if task.need.gpus > machine.gpus:
            reasons.append(f"The task '{task.title}' needs {task.need.gpus} GPU; tasks here may use {machine.gpus}.")
    return reasons


def content_digest(facts: SeriesFacts) -> str:
    """SHA-256 that names the content of a series: over the keys of its objects, which are digests themselves."""
    return hashlib.sha256("\n".join(facts.object_keys).encode()).hexdigest()


def result_uid(*parts: str) -> str:
    """UID of a result: the same for the same parts, so that storing it again doubles nothing (PS3.5 B.2)."""
    digest = hashlib.sha256("\0".join(("kahua-result", *parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def _fetch(name: str, many: Sequence[SeriesFacts]) -> PlannedTask:
    series = [{"id": facts.id, "series_uid": facts.series_uid, "content": content_digest(facts)} for facts in many]
    return PlannedTask(
        name=f"fetch:{name}",
        kind="fetch",
        title=f"Fetch {name} from the archive",
        outputs={facts.id: Target(path=facts.id, is_folder=True) for facts in many},
        details={"series": series},
    )


def _to_nifti(name: str, facts: SeriesFacts) -> PlannedTask:
    key = hashlib.sha256(f"dicom-to-nifti {__version__} {content_digest(facts)}".encode()).hexdigest()
    return PlannedTask(
        name=_conversion(name, facts),
        kind="convert",
        title=f"Convert {name} to NIfTI",
        after=(f"fetch:{name}",),
        inputs={"series": (Source(task=f"fetch:{name}", path=facts.id),)},
        outputs={"volume": Target(path="image.nii.gz")},
        command=(*CONVERTERS, "dicom-to-nifti", "{inputs.series}", "{outputs.volume}"),
        cache_key=key,
        **_conversion_limits(facts.size),
    )


def _conversion(name: str, facts: SeriesFacts) -> str:
    return f"convert:{name}:{facts.id}"


def _conversion_limits(size: int) -> dict[str, Any]:
    memory = CONVERSION_MEMORY + CONVERSION_MEMORY_PER_BYTE * size
    return {
        "need": Need(cpus=1, memory_bytes=memory),
        "file_bytes": CONVERSION_FILE_BYTES,
        "seconds": CONVERSION_SECONDS,
        "retries": CONVERSION_RETRIES,
    }


def _step(job: JobPlan, step: Step) -> PlannedTask:
    inputs = {name: tuple(_sources(job, name, format_)) for name, format_ in step.inputs.items()}
    used = {
        placeholder.partition(".")[2] for placeholder in step.placeholders() if placeholder.startswith("parameters.")
    }
    resources = step.resources
    return PlannedTask(
        name=step.name,
        kind="step",
        title=step.title or step.name,
        after=_tasks(inputs),
        inputs=inputs,
        outputs={name: _target(name, output) for name, output in job.workflow.outputs_of(step.name).items()},
        command=step.command,
        environment=step.environment,
        parameters={name: value for name, value in job.parameters.items() if name in used},
        need=Need(cpus=resources.cpus, memory_bytes=resources.memory_bytes(job.input_bytes), gpus=resources.gpus),
        file_bytes=resources.disk_bytes(job.input_bytes),
        seconds=resources.minutes * 60,
        network=step.network,
        retries=step.retries,
    )


def _sources(job: JobPlan, name: str, format_: str) -> Iterator[Source]:
    if name in job.workflow.outputs:
        output = job.workflow.outputs[name]
        yield Source(task=output.source, path=_target(name, output).path)
        return
    several = job.workflow.unit == "dataset"
    for facts in job.series[name]:
        if format_ == "nifti":
            label = f"{facts.id}.nii.gz" if several else ""
            yield Source(task=_conversion(name, facts), path="image.nii.gz", name=label)
        else:
            yield Source(task=f"fetch:{name}", path=facts.id, name=facts.id if several else "")


def _target(name: str, output: Output) -> Target:
    match output.type:
        case "segmentation":
            return Target(path=f"{name}/{LABELS}")
        case "measurements":
            return Target(path=f"{name}/{TABLE}")
        case _:
            return Target(path=name, is_folder=True)


def _keep(job: JobPlan, name: str, output: Output) -> Iterator[PlannedTask]:
    written = Source(task=output.source, path=_target(name, output).path)
    as_dicom = output.type == "segmentation" or (output.type == "measurements" and job.workflow.unit == "series")
    sources: dict[str, tuple[Source, ...]] = {"written": (written,)}
    if as_dicom:
        yield _write(job, name, output, written)
        sources["dicom"] = (Source(task=f"write:{name}", path="dicom"),)
    elif output.type == "image":
        sources = {"dicom": (written,)}
    yield PlannedTask(
        name=f"store:{name}",
        kind="store",
        title=f"Store {output.title or name}",
        after=_tasks(sources),
        inputs=sources,
        details={"output": name, "type": output.type, "title": output.title or name},
    )


def _write(job: JobPlan, name: str, output: Output, written: Source) -> PlannedTask:
    image = job.workflow.image_of(output)
    (facts,) = job.series[image]
    inputs: dict[str, tuple[Source, ...]] = {
        "written": (written,),
        "image": (Source(task=f"fetch:{image}", path=facts.id),),
    }
    about = "-"
    if output.segmentation:
        inputs["segmentation"] = (Source(task=f"write:{output.segmentation}", path="dicom"),)
        about = "{inputs.segmentation}"
    command: tuple[str, ...]
    if output.type == "segmentation":
        command = ("labelmap-to-seg", "{inputs.written}", "{inputs.image}", "{details}", "{outputs.dicom}")
    else:
        command = ("measurements-to-sr", "{inputs.written}", about, "{inputs.image}", "{details}", "{outputs.dicom}")
    return PlannedTask(
        name=f"write:{name}",
        kind="convert",
        title=f"Write {output.title or name} as DICOM",
        after=_tasks(inputs),
        inputs=inputs,
        outputs={"dicom": Target(path="dicom", is_folder=True)},
        command=(*CONVERTERS, *command),
        details=_description(job, name, output),
        **_conversion_limits(facts.size),
    )


def _tasks(inputs: Mapping[str, Sequence[Source]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source.task for sources in inputs.values() for source in sources))


def _description(job: JobPlan, name: str, output: Output) -> dict[str, Any]:
    """What a converter must know to write an output: names, codes, and the UIDs that the result gets."""
    about = job.workflow.outputs[output.segmentation].segments if output.segmentation else output.segments
    return {
        "series_uid": result_uid(job.job_id, name, "series"),
        "sop_instance_uid": result_uid(job.job_id, name, "instance"),
        "series_description": (output.title or name)[:64],
        "algorithm": {"name": job.algorithm[:64], "version": job.version[:16]},
        "segments": [segment.model_dump(mode="json") for segment in about],
        "quantities": {key: quantity.model_dump(mode="json") for key, quantity in output.quantities.items()},
    }
