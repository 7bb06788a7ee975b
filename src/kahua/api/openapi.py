"""The description of the HTTP interface, printed: ``python -m kahua.api.openapi > web/openapi.json``.

The web application's client is generated from it (``npm run generate`` in ``web/``).
"""

import json
import sys
from typing import Any

from fastapi import FastAPI

import kahua
from kahua.api.application import ROUTERS


def description() -> dict[str, Any]:
    """Describe every route; no site is needed for that."""
    application = FastAPI(title="Kahua", version=kahua.__version__)
    for router in ROUTERS:
        application.include_router(router)
    return application.openapi()


def as_text() -> str:
    """Write the description as it is kept in the repository."""
    return json.dumps(description(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_text())
