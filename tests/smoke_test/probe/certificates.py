"""Real certificates, good and bad, by a private authority."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
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


def revoke(folder: Path) -> None:
    """Write a site's certificate, key and authority, and an OCSP response that revokes it.

    The files are ca.pem, site.pem and ocsp.der.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("CA", "localhost")
    ]

    def issue(subject: int, extension: x509.ExtensionType) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(names[subject])
            .issuer_name(names[0])
            .public_key(keys[subject].public_key())
            .serial_number(subject + 1)
            .not_valid_before(now - DAY)
            .not_valid_after(now + 90 * DAY)
            .add_extension(extension, critical=False)
            .sign(keys[0], hashes.SHA256())
        )

    authority = issue(0, x509.BasicConstraints(ca=True, path_length=None))
    site = issue(1, x509.SubjectAlternativeName([x509.DNSName("localhost")]))
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=site,
            issuer=authority,
            # RFC 5019 requires it, and libcurl looks for no other.
            algorithm=hashes.SHA1(),  # noqa: S303
            cert_status=ocsp.OCSPCertStatus.REVOKED,
            this_update=now - DAY,
            next_update=now + DAY,
            revocation_time=now - DAY,
            revocation_reason=x509.ReasonFlags.key_compromise,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, authority)
        .certificates([authority])
        .sign(keys[0], hashes.SHA256())
    )
    private = keys[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    # libcurl looks for the issuer in the chain that the server sends.
    chain = site.public_bytes(pem) + authority.public_bytes(pem)
    (folder / "site.pem").write_bytes(private + chain)
    (folder / "ocsp.der").write_bytes(response.public_bytes(serialization.Encoding.DER))
