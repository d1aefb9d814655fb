"""Real certificates from a private CA, valid and invalid."""

import ssl
from dataclasses import dataclass
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
    """Return a server's context with the certificate and its chain."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def without_intermediate(authority: trustme.CA) -> ssl.SSLContext:
    """Return a server's context that does not send its certificate's intermediate."""
    certificate = authority.create_child_ca().issue_cert("127.0.0.1", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with (
        certificate.private_key_pem.tempfile() as key,
        certificate.cert_chain_pems[0].tempfile() as leaf,
    ):
        context.load_cert_chain(leaf, key)
    return context


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def issue(
    name: str,
    by: Issued | None = None,
    days: int = 90,
    extension: x509.ExtensionType | None = None,
) -> Issued:
    """Return a certificate that expires in `days`, self-signed unless `by` issues it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - DAY)
        .not_valid_after(datetime.now(UTC) + days * DAY)
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)
LOCALHOST = x509.SubjectAlternativeName([x509.DNSName("localhost")])


def self_signed(folder: Path, *, names: bool = True) -> ssl.SSLContext:
    """Return a server's context with a self-signed certificate, without names if not `names`."""
    return context(
        folder / "self-signed.pem", issue("localhost", extension=LOCALHOST if names else None)
    )


def expiring_intermediate(folder: Path) -> ssl.SSLContext:
    """Return a server's context whose intermediate expires before its leaf; ca.pem is the root."""
    root = issue("root", extension=AUTHORITY)
    intermediate = issue("intermediate", root, days=5, extension=AUTHORITY)
    (folder / "ca.pem").write_bytes(root.pem())
    leaf = issue("localhost", intermediate, extension=LOCALHOST)
    return context(folder / "site.pem", leaf, intermediate)


def context(path: Path, leaf: Issued, *chain: Issued) -> ssl.SSLContext:
    """Write these certificates to a file, and return a server's context with them."""
    path.write_bytes(leaf.key_pem() + leaf.pem() + b"".join(each.pem() for each in chain))
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(path)
    return server_context


def revoke(folder: Path) -> None:
    """Write a site's certificate, key and CA, and an OCSP response that revokes the certificate.

    The files are ca.pem, site.pem and ocsp.der.
    """
    authority = issue("CA", extension=AUTHORITY)
    site = issue("localhost", authority, extension=LOCALHOST)
    now = datetime.now(UTC).replace(microsecond=0)
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=site.certificate,
            issuer=authority.certificate,
            # RFC 5019 requires SHA-1, and libcurl accepts nothing else.
            algorithm=hashes.SHA1(),  # noqa: S303
            cert_status=ocsp.OCSPCertStatus.REVOKED,
            this_update=now - DAY,
            next_update=now + DAY,
            revocation_time=now - DAY,
            revocation_reason=x509.ReasonFlags.key_compromise,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate)
        .certificates([authority.certificate])
        .sign(authority.key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(authority.pem())
    # libcurl looks for the issuer in the server's chain.
    (folder / "site.pem").write_bytes(site.key_pem() + site.pem() + authority.pem())
    (folder / "ocsp.der").write_bytes(response.public_bytes(serialization.Encoding.DER))
