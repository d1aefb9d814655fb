"""Every code a verdict can have: what it means, what to do, and whether waiting can cure it.

The codes are stable. docs/probe.md is tested against this table.
"""

from typing import NamedTuple


class Code(NamedTuple):
    """`hopeless` marks what no waiting cures: `--fail-fast` stops there."""

    meaning: str
    hint: str
    hopeless: bool = False


CODES = {
    "dns.not_found": Code(
        "the name does not exist, or has no address",
        "is the name right, and its A or AAAA record published?",
    ),
    "dns.failed": Code(
        "the resolver gave no answer",
        "can this machine reach its resolver (/etc/resolv.conf)?",
    ),
    "tcp.refused": Code(
        "the connection was refused: nothing listens there",
        "is nginx running and listening on this address and port? `systemctl status nginx`",
    ),
    "tcp.timeout": Code(
        "the connection was not answered in time",
        "does a firewall or a security group drop it, or is the machine down?",
    ),
    "tcp.unreachable": Code(
        "there is no way to the address",
        "look at the routes of this machine, and at the address",
    ),
    "tcp.no_socket": Code(
        "the unix socket does not exist",
        "is the app server running, and is the path right? `systemctl status petsage`",
    ),
    "tls.expired": Code(
        "the certificate has expired",
        "renew it and reload nginx; then look at why it was not renewed by itself",
        hopeless=True,
    ),
    "tls.not_yet_valid": Code(
        "the certificate is not valid yet",
        "compare its first day with the clocks of both machines",
        hopeless=True,
    ),
    "tls.hostname": Code(
        "the certificate is for another name",
        "issue one that has this name, or mend server_name: another site may have answered",
        hopeless=True,
    ),
    "tls.self_signed": Code(
        "the certificate is self-signed",
        "install one of an authority, or name this one with --ca-file",
        hopeless=True,
    ),
    "tls.untrusted": Code(
        "no authority that is trusted here vouches for the certificate",
        "does nginx send the intermediate certificates too (fullchain.pem)? "
        "A private authority is named with --ca-file",
        hopeless=True,
    ),
    "tls.not_tls": Code(
        "what listens there does not speak TLS",
        "is it an http port? nginx wants `listen 443 ssl`",
    ),
    "tls.sni_rejected": Code(
        "the server knows no site of this name",
        "is there a server block with this server_name, and does it have a certificate?",
    ),
    "tls.protocol": Code(
        "no TLS version or cipher in common",
        "nginx: `ssl_protocols TLSv1.2 TLSv1.3`, and ciphers that fit the certificate's key",
    ),
    "tls.timeout": Code(
        "the TLS handshake was not finished in time",
        "does something listen there that waits for plain http?",
    ),
    "tls.closed": Code(
        "the connection was closed during the TLS handshake",
        "is it a TLS port, and does a load balancer before it have a healthy target?",
    ),
    "tls.failed": Code(
        "the TLS handshake failed",
        "ask by hand: `openssl s_client -connect HOST:PORT -servername HOST`",
    ),
    "tls.expiring": Code(
        "the certificate expires soon",
        "renew it: `certbot renew`, or what renews it here",
    ),
    "tls.plaintext": Code(
        "the URL is plain http to another machine: nobody vouches for the answer",
        "ask by https",
    ),
    "http.closed": Code(
        "the connection was closed without an answer",
        "was a worker killed? Or does nginx `return 444` for this Host?",
    ),
    "http.reset": Code(
        "the connection was reset",
        "was the server killed or restarted at this moment? Look at its log",
    ),
    "http.truncated": Code(
        "the answer ended before its end",
        "was the server killed in mid-answer? Look at its log",
    ),
    "http.timeout": Code(
        "the answer was not complete in time",
        "is the app server frozen or overloaded? `systemctl status petsage`",
    ),
    "http.not_http": Code(
        "what came back is not HTTP",
        "is it the right port? A TLS port wants https://",
    ),
    "http.too_large": Code(
        "the answer is larger than any of PetSage's",
        "something else answers there: look at the URL and at what is before the app",
    ),
    "redirect.loop": Code(
        "the redirects do not end",
        "SECURE_SSL_REDIRECT behind a TLS front wants SECURE_PROXY_SSL_HEADER; better, leave "
        "the redirect to nginx",
        hopeless=True,
    ),
    "redirect.other_host": Code(
        "the answer is a redirect to another host",
        "ask the other host if it is PetSage's; a login or parking page is not",
    ),
    "redirect.downgrade": Code(
        "the answer is a redirect from https to http",
        "does the app know that it is behind TLS (SECURE_PROXY_SSL_HEADER)?",
    ),
    "redirect.bad_target": Code(
        "the answer is a redirect to what is no http address",
        "look at what writes the Location header",
    ),
    "proxy.bad_gateway": Code(
        "502: the proxy got no answer from the app server",
        "is the app server running? `systemctl status petsage`; --direct tells it from a wrong "
        "upstream setting",
    ),
    "proxy.unavailable": Code(
        "503: the proxy has no app server to ask, or limits requests",
        "is the app server running? `systemctl status petsage`; look at limit_req too",
    ),
    "proxy.gateway_timeout": Code(
        "504: the app server did not answer the proxy in time",
        "is the app server frozen or overloaded? `systemctl restart petsage`",
    ),
    "proxy.upstream": Code(
        "the app server is well, but the proxy does not reach it",
        "compare nginx's upstream with where the app server listens, and the socket's permissions",
    ),
    "proxy.unrouted": Code(
        "the proxy answers itself: it has no way for this path",
        "is there a server block with this server_name and a location for /smoke-test/?",
    ),
    "proxy.refused": Code(
        "the proxy refuses the request",
        "look at nginx's error log and at its limits",
    ),
    "proxy.error": Code(
        "the proxy itself failed",
        "look at nginx's error log",
    ),
    "proxy.plain_http_on_https_port": Code(
        "a plain http request was sent to a TLS port",
        "ask by https://",
    ),
    "proxy.masked": Code(
        "the answer hides that the app server failed",
        "mend error_page: no `=200`, and its page must exist",
    ),
    "proxy.half_up": Code(
        "one app server failed, another answered",
        "which one is down? Look at nginx's error log",
    ),
    "server.error": Code(
        "the app server itself failed, outside of Django",
        "look at the app server's log: `journalctl -u petsage`",
    ),
    "app.bad_host": Code(
        "400: Django refuses this Host",
        "add the host to DJANGO_ALLOWED_HOSTS, or ask by a name that users type",
        hopeless=True,
    ),
    "app.not_found": Code(
        "404: Django does not know this path",
        "is the path /smoke-test/, and does `manage.py check --tag smoke_test` pass?",
    ),
    "app.refused": Code(
        "Django refuses the request",
        "does a middleware, a permission or a throttle reach the smoke test? "
        "`manage.py check --tag smoke_test`",
    ),
    "app.error": Code(
        "Django failed",
        "read the exception in the app's log: `journalctl -u petsage`",
    ),
    "app.down": Code(
        "the proxy got no answer from the app server, and neither did the direct request",
        "start the app server: `systemctl status petsage`, `journalctl -u petsage`",
    ),
    "contract.wrong_status": Code(
        "the status is not 200",
        "something else answers there: look at the URL and at what is before the app",
    ),
    "contract.not_json": Code(
        "the body is not JSON",
        "something else answers there (a page of a website, or nginx's own): look at the "
        "server block",
    ),
    "contract.wrong_body": Code(
        "the body is not the smoke test's",
        "another service, or a changed smoke test: `manage.py smoke_test` on the server tells",
        hopeless=True,
    ),
    "contract.wrong_type": Code(
        "the Content-Type is not application/json",
        "does a proxy rewrite it?",
    ),
    "contract.encoded": Code(
        "the body is compressed, though nobody asked for that",
        "look at what compresses before the app",
    ),
    "contract.cookie": Code(
        "the answer sets a cookie",
        "does a middleware or a sticky load balancer add it?",
    ),
    "contract.cached": Code(
        "the answer is not fresh: a cache gave it, and the app may be dead",
        "exempt /smoke-test/ from the cache (proxy_cache, the CDN)",
    ),
    "release.mismatch": Code(
        "another release answers than the one wanted",
        "was the new release started, and is every old worker gone?",
    ),
    "release.missing": Code(
        "the answer does not say which release it is of",
        "an older build, or a proxy that drops the X-PetSage headers",
    ),
    "time.slow": Code(
        "the answer was slow",
        "compare the phases: dns, tcp, tls, answer",
    ),
    "time.unsteady": Code(
        "there were not enough passes in a row before the time was up",
        "does an old worker still answer, or does one come and go? See the timeline",
    ),
    "time.skew": Code(
        "the clocks differ",
        "is NTP running on both machines? `timedatectl`",
    ),
    "unknown.status": Code(
        "the status is not 200, and it cannot be told who wrote the answer",
        "look at the body with curl, and at what is between here and the app",
    ),
    "unknown.failure": Code(
        "the exchange failed in a way that has no name here",
        "ask by hand: `curl -v`",
    ),
}
