"""Workflows to test with."""

from typing import Any

from kahua.workflows.specification import Workflow

BRAIN = {
    "label": 1,
    "name": "Brain",
    "category": {"value": "123037004", "meaning": "Anatomical Structure"},
    "type": {"value": "12738006", "meaning": "Brain"},
}


def brain_extraction(**changes: Any) -> dict[str, Any]:
    """Give a workflow as a manifest writes it, with other values for some of its keys."""
    workflow: dict[str, Any] = {
        "title": "Brain extraction",
        "inputs": {"image": {"type": "image", "modality": ["MR"], "minimum_slices": 3}},
        "parameters": {"threshold": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 1}},
        "steps": [
            {
                "name": "extract",
                "environment": "deepbet",
                "command": [
                    "python",
                    "{extension}/extract.py",
                    "{inputs.image}",
                    "{outputs.mask}",
                    "{outputs.volumes}",
                    "--threshold={parameters.threshold}",
                ],
                "inputs": {"image": "nifti"},
                "resources": {"cpus": 2, "memory": "3 GB", "minutes": 30},
                "retries": 1,
            }
        ],
        "outputs": {
            "mask": {"type": "segmentation", "from": "extract", "segments": [BRAIN]},
            "volumes": {"type": "measurements", "from": "extract", "segmentation": "mask"},
        },
    }
    return workflow | changes


def workflow(**changes: Any) -> Workflow:
    """Give the same, validated."""
    return Workflow.model_validate(brain_extraction(**changes))
