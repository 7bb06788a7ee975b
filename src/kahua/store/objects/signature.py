"""Requests that an S3 server believes: AWS Signature Version 4, of requests without a body."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

ALGORITHM: Final = "AWS4-HMAC-SHA256"
NO_BODY: Final = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """The access key with which requests are signed."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str

    def headers(self, method: str, address: str, query: Mapping[str, str], moment: datetime) -> dict[str, str]:
        """Give the headers that sign a request to `address`, which has no query, with the one of `query_of`."""
        place, day = urlsplit(address), moment.strftime("%Y%m%d")
        signed = {
            "host": place.netloc,
            "x-amz-content-sha256": NO_BODY,
            "x-amz-date": moment.strftime("%Y%m%dT%H%M%SZ"),
        }
        names, scope = ";".join(signed), f"{day}/{self.region}/s3/aws4_request"
        lines = (f"{name}:{value}\n" for name, value in signed.items())
        request = "\n".join((method, place.path, query_of(query), "".join(lines), names, NO_BODY))
        digest = hashlib.sha256(request.encode()).hexdigest()
        signature = self._sign(scope, f"{ALGORITHM}\n{signed['x-amz-date']}\n{scope}\n{digest}")
        credential = f"{self.access_key_id}/{scope}"
        return signed | {
            "authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        }

    def _sign(self, scope: str, text: str) -> str:
        key = f"AWS4{self.secret_access_key}".encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()


def query_of(parameters: Mapping[str, str]) -> str:
    """Write a query as it is signed: sorted, and everything but letters, digits and ``-._~`` encoded."""
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in sorted(parameters.items()))


def encoded(text: str, *, safe: str = "") -> str:
    """Encode text for an address."""
    return quote(text, safe=f"{safe}-._~")
