"""Converters between what the archive keeps and what steps work on: ``python -m kahua.workflows.converters``.

Each is a program of its own, run as a task in isolation: it decodes pixels that strangers sent, and may
die of them without harm. A refusal ends with exit status 2, its sentence the last line on standard error.
"""

#: File that a converter writes in place of DICOM when there is nothing to keep; it says why.
NOTICE = "notice.txt"
