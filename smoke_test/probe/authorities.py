"""Which certificate authorities to trust.

pycurl's wheel brings a libcurl that looks where its builder's system kept them, and nowhere else.
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
    """Return the file of authorities in PEM: the option, SSL_CERT_FILE, or the system's.

    None where this machine has none. OSError or ValueError, with a sentence, for a file that was
    named and cannot be used.
    """
    named = option or os.environ.get("SSL_CERT_FILE")
    if named is None:
        return next((path for path in _SYSTEM_FILES if Path(path).is_file()), None)
    if b"-----BEGIN CERTIFICATE-----" not in Path(named).read_bytes():
        raise ValueError(f"'{named}' has no certificate in it, wanted authorities in PEM")
    return named
