"""Real certificates, good and bad, by a private authority."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


def server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return a server's context with the certificate and what it needs of its chain."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def without_intermediate(authority: trustme.CA) -> ssl.SSLContext:
    """Return a server's context whose certificate is of an intermediate that is not sent."""
    certificate = authority.create_child_ca().issue_cert("127.0.0.1", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with (
        certificate.private_key_pem.tempfile() as key,
        certificate.cert_chain_pems[0].tempfile() as leaf,
    ):
        context.load_cert_chain(leaf, key)
    return context


def self_signed(folder: Path, *, names: bool = True) -> ssl.SSLContext:
    """Return a server's context whose certificate is self-signed, perhaps without any name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - DAY)
        .not_valid_after(datetime.now(UTC) + 90 * DAY)
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        builder = builder.add_extension(alternative, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    pem = folder / "self-signed.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
