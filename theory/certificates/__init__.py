"""Certificates of loss bounds, which `theory.check` verifies without this package."""

from theory.certificates.certificate import (
    NotProvenError,
    certificate,
    certificate_of_statistics,
)
from theory.certificates.exact import rows_sha256

__all__ = [
    "NotProvenError",
    "certificate",
    "certificate_of_statistics",
    "rows_sha256",
]
