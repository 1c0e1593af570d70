"""A certificate authority of the tests, and the one certificate that its servers show."""

import datetime as dt
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = (
    "management.azure.com",
    "login.microsoftonline.com",
    "*.api.azureml.ms",
    "*.blob.core.windows.net",
    "*.azure-devices.net",
    "*.westeurope.inference.ml.azure.com",
)


def make_certificates(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Makes both, valid for a day.

    Returns:
        The file to trust, and what a server shows.
    """
    authority, trusted = ec.generate_private_key(ec.SECP256R1()), _name("authority of the tests")
    own = ec.generate_private_key(ec.SECP256R1())
    is_authority = x509.BasicConstraints(ca=True, path_length=0)
    root = _builder(trusted, trusted, authority).add_extension(is_authority, critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS])
    leaf = _builder(_name("clouds of the tests"), trusted, own).add_extension(names, critical=False)
    signed = [one.sign(authority, hashes.SHA256()) for one in (root, leaf)]
    pem = [one.public_bytes(serialization.Encoding.PEM) for one in signed]
    key = own.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "authority.pem").write_bytes(pem[0])
    (folder / "server.pem").write_bytes(key + pem[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return folder / "authority.pem", context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
    )
