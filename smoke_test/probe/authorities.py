"""Which certificate authorities (CAs) to trust.

The libcurl in pycurl's wheel looks for them only where its build machine kept them.
"""

import os
from pathlib import Path

# Debian and Alpine; RHEL and Fedora; openSUSE; macOS and the BSDs.
_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def ca_file(option: str | None) -> str | None:
    """Return the PEM file of CAs: the option, SSL_CERT_FILE, the system's, or None.

    Raises OSError or ValueError if a named file cannot be used.
    """
    named = option or os.environ.get("SSL_CERT_FILE")
    if named is None:
        return next((path for path in _SYSTEM_FILES if Path(path).is_file()), None)
    if not Path(named).is_file():
        # Reading a pipe could block.
        raise ValueError(f"got '{named}', expected a regular file")
    if b"-----BEGIN CERTIFICATE-----" not in Path(named).read_bytes():
        raise ValueError(f"got '{named}' without a certificate, expected CAs in PEM")
    return named
