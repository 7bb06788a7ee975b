"""Child process that does one job after another: each a line of JSON, each answered.

Its parent is `kahua.store.pictures.decoders`.
"""

import json
import struct
import sys
from collections.abc import Callable
from typing import Any

from kahua.errors import KahuaError

#: How an answer begins: whether it is a picture (1) or a refusal (0), and its length.
HEAD = struct.Struct("<BQ")


def serve(do: Callable[[dict[str, Any]], bytes]) -> None:
    """Do what each line of standard input asks for, until that ends; answer with what came out, or why nothing did."""
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints shall not write into the answers
    for line in sys.stdin.buffer:
        try:
            done, content = True, do(json.loads(line))
        except KahuaError as error:
            done, content = False, str(error).encode()
        except Exception as error:  # noqa: BLE001 - whatever a hostile file does to the libraries, it has no picture
            done, content = False, f"The decoder failed: {type(error).__name__}: {error}".encode()
        answers.write(HEAD.pack(done, len(content)) + content)
        answers.flush()
