"""Secrets that prove who somebody is: made at random, kept as hashes only."""

import hashlib
import hmac
import secrets

#: What an API token begins with, so that scanners of leaked secrets know it.
TOKEN_PREFIX = "kahua_"  # noqa: S105 - a prefix, not a password


def new_secret() -> str:
    """Make a secret of 256 bits, safe in URLs and cookies."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """Hash to keep of a secret; a plain hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_token_of(cookie: str) -> str:
    """Token that a page of ours, and no other site's, can send with a request that changes something."""
    return hmac.new(cookie.encode(), b"kahua csrf token", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two secrets in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
