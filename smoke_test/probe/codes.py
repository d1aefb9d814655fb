"""Every code that a verdict can have: its meaning, a hint, and whether waiting can fix it.

Codes are stable. A test compares docs/probe.md with this table.
"""

from typing import NamedTuple


class Code(NamedTuple):
    """`retryable` is False for faults that waiting cannot fix: `--fail-fast` stops there."""

    meaning: str
    hint: str
    retryable: bool = True


CODES = {
    "dns.not_found": Code(
        "the name does not exist or has no address",
        "is the name right, and is its A or AAAA record published?",
    ),
    "dns.failed": Code(
        "the resolver did not answer",
        "can this machine reach its resolver (/etc/resolv.conf)?",
    ),
    "tcp.refused": Code(
        "the connection was refused: nothing listens there",
        "is nginx running and listening on this address and port? `systemctl status nginx`",
    ),
    "tcp.timeout": Code(
        "the connection was not accepted in time",
        "does a firewall or security group drop packets, or is the machine down?",
    ),
    "tcp.unreachable": Code(
        "there is no route to the address",
        "check this machine's routes and the address",
    ),
    "tcp.no_socket": Code(
        "the unix socket does not exist",
        "is the app server running, and is the path right? `systemctl status petsage.slice`",
    ),
    "tcp.permission": Code(
        "this user may not connect to the unix socket",
        "run the probe as root, or as a user in the socket's group (www-data)",
        retryable=False,
    ),
    "tcp.backlog_full": Code(
        "the unix socket's queue is full: the app server accepts no connections",
        "is the app server stuck or overloaded? `systemctl restart 'petsage-*'`",
    ),
    "tcp.degraded": Code(
        "one address of the name failed, another responded",
        "which machine is down? Use --all-addresses to find out",
    ),
    "tls.expired": Code(
        "the certificate has expired",
        "renew it, reload nginx, and find out why it was not renewed automatically",
        retryable=False,
    ),
    "tls.not_yet_valid": Code(
        "the certificate is not valid yet",
        "compare its start date with the clocks of both machines",
        retryable=False,
    ),
    "tls.hostname": Code(
        "the certificate is for another name",
        "issue a certificate for this name, or fix server_name: another site may have answered",
        retryable=False,
    ),
    "tls.self_signed": Code(
        "the certificate is self-signed",
        "install a certificate signed by a CA, or pass this one with --ca-file",
        retryable=False,
    ),
    "tls.untrusted": Code(
        "the certificate is not signed by a CA this machine trusts",
        "does nginx send the intermediate certificates too (fullchain.pem)? "
        "Pass a private CA with --ca-file",
        retryable=False,
    ),
    "tls.revoked": Code(
        "the server's stapled OCSP response says the certificate is revoked",
        "issue a new certificate; browsers reject this one",
        retryable=False,
    ),
    "tls.not_tls": Code(
        "the server does not speak TLS on this port",
        "is it an http port? nginx needs `listen 443 ssl`",
    ),
    "tls.unrecognized_name": Code(
        "the server has no site with this name",
        "is there a server block with this server_name, and does it have a certificate?",
    ),
    "tls.protocol": Code(
        "client and server have no TLS version or cipher in common",
        "nginx: `ssl_protocols TLSv1.2 TLSv1.3`, and ciphers that match the certificate's key",
    ),
    "tls.timeout": Code(
        "the TLS handshake did not finish in time",
        "is it a plain http server that waits for a request?",
    ),
    "tls.closed": Code(
        "the connection was closed during the TLS handshake",
        "is it a TLS port, and does the load balancer in front have a healthy target?",
    ),
    "tls.failed": Code(
        "the TLS handshake failed",
        "try `openssl s_client -connect HOST:PORT -servername HOST`",
    ),
    "tls.client_certificate": Code(
        "the server requires a client certificate, and the probe has none",
        "probe from inside, or exempt /smoke-test/ (nginx: `ssl_verify_client optional`)",
        retryable=False,
    ),
    "tls.expiring": Code(
        "the certificate expires soon",
        "renew it: `certbot renew`, or the tool you use instead",
    ),
    "tls.plaintext": Code(
        "the URL is plain http to another machine: anyone on the path can forge the response",
        "use https",
    ),
    "http.closed": Code(
        "the connection was closed without a response",
        "was a worker killed? Or does nginx `return 444` for this Host?",
    ),
    "http.reset": Code(
        "the connection was reset",
        "was the server killed or restarted at this moment? Check its log",
    ),
    "http.truncated": Code(
        "the response is incomplete",
        "was the server killed while sending it? Check its log",
    ),
    "http.timeout": Code(
        "the response was not complete in time",
        "is the app server stuck or overloaded? `systemctl status petsage.slice`",
    ),
    "http.stream_refused": Code(
        "the server refused the HTTP/2 stream",
        "is it overloaded or shutting down? Check its log and its stream limit",
    ),
    "http.not_http": Code(
        "the response is not HTTP",
        "is this the right port? A TLS port needs https://",
    ),
    "http.too_large": Code(
        "the response is larger than any of PetSage's",
        "another service responded: check the URL and the proxies in front of the app",
    ),
    "redirect.loop": Code(
        "the redirects never end",
        "SECURE_SSL_REDIRECT behind a TLS proxy needs SECURE_PROXY_SSL_HEADER; better, leave "
        "the redirect to nginx",
        retryable=False,
    ),
    "redirect.other_host": Code(
        "the response redirects to another host",
        "probe that host if it is PetSage's; a login or parking page is not",
    ),
    "redirect.downgrade": Code(
        "the response redirects from https to http",
        "does the app know that it is behind TLS (SECURE_PROXY_SSL_HEADER)?",
    ),
    "redirect.bad_target": Code(
        "the response redirects to something that is not an http URL",
        "find out what sets the Location header",
    ),
    "proxy.bad_gateway": Code(
        "502: the proxy got no response from the app server",
        "is the app server running? `systemctl status petsage.slice`; use --direct to rule out a "
        "wrong upstream setting",
    ),
    "proxy.unavailable": Code(
        "503: the proxy has no app server available, or limits requests",
        "is the app server running? `systemctl status petsage.slice`; check limit_req too",
    ),
    "proxy.gateway_timeout": Code(
        "504: the app server did not respond to the proxy in time",
        "is the app server stuck or overloaded? `systemctl restart 'petsage-*'`",
    ),
    "proxy.upstream": Code(
        "the app server is up, but the proxy cannot reach it",
        "compare nginx's upstream with the app server's address; check the socket's permissions",
    ),
    "proxy.unrouted": Code(
        "the proxy has no route for this path",
        "does it route this name and /smoke-test/ to the app (nginx: server_name, location)?",
    ),
    "proxy.refused": Code(
        "the proxy refused the request",
        "check its access rules, limits and log (nginx: error.log, limit_req)",
    ),
    "proxy.error": Code(
        "the proxy itself failed",
        "check its log (nginx: error.log)",
    ),
    "proxy.plain_http_on_https_port": Code(
        "a plain http request was sent to a TLS port",
        "use https://",
    ),
    "proxy.masked": Code(
        "the response hides that the app server failed",
        "fix error_page: remove `=200`, and make sure its page exists",
    ),
    "proxy.degraded": Code(
        "one app server failed, another responded",
        "which one is down? Check the proxy's log (nginx: error.log)",
    ),
    "server.error": Code(
        "the app server itself failed, outside Django",
        "check the app server's log: `journalctl -u petsage.slice`",
    ),
    "app.disallowed_host": Code(
        "400: Django rejects this Host",
        "add the host to DJANGO_ALLOWED_HOSTS, or use a name listed there",
        retryable=False,
    ),
    "app.not_found": Code(
        "404: Django has no route for this path",
        "is the path /smoke-test/, and does `manage.py check --tag smoke_test` pass?",
    ),
    "app.refused": Code(
        "Django refused the request",
        "does a middleware, a permission or a throttle apply to the smoke test? "
        "`manage.py check --tag smoke_test`",
    ),
    "app.error": Code(
        "Django responded with a server error",
        "read the exception in the app's log: `journalctl -u petsage.slice`",
    ),
    "app.down": Code(
        "neither the proxy nor a direct request got a response from the app server",
        "start the app server: `systemctl status petsage.slice`, `journalctl -u petsage.slice`",
    ),
    "contract.wrong_status": Code(
        "the status is not 200",
        "another service responded: check the URL and the proxies in front of the app",
    ),
    "contract.not_json": Code(
        "the body is not JSON",
        "another service responded (a website, or nginx's own page): check the server block",
    ),
    "contract.wrong_body": Code(
        "the body is not the smoke test's",
        "is it another service, or a changed app? On the server, run "
        "`manage.py smoke_test --in-process`",
        retryable=False,
    ),
    "contract.wrong_type": Code(
        "the Content-Type is not application/json",
        "does a proxy rewrite it?",
    ),
    "contract.encoded": Code(
        "the body is compressed, but the probe did not ask for compression",
        "find out which proxy or middleware compresses it",
    ),
    "contract.cookie": Code(
        "the response sets a cookie",
        "does a middleware or a sticky load balancer add it?",
    ),
    "contract.cached": Code(
        "a cache responded, so the app may be down",
        "exempt /smoke-test/ from the cache (proxy_cache, the CDN)",
    ),
    "contract.unproven": Code(
        "nothing proves that the app made the response for this request",
        "is it a build without X-PetSage-Nonce, a proxy that drops that header, or a cache?",
    ),
    "release.mismatch": Code(
        "another release responded",
        "was the new release started, and have all old workers stopped?",
    ),
    "release.missing": Code(
        "the response does not name its release",
        "is it an older build, or does a proxy drop the X-PetSage headers?",
    ),
    "release.malformed": Code(
        "the release header is repeated or malformed",
        "find out what else adds X-PetSage-Release",
    ),
    "page.wrong_type": Code(
        "browsers do not get a page",
        "does a proxy or a middleware change the Accept header or the response?",
    ),
    "page.wrong_title": Code(
        "browsers get a different page",
        "open the address in a browser",
    ),
    "page.asset": Code(
        "one of the page's style sheets or scripts does not load",
        "does nginx serve /static/, and did `manage.py collectstatic` run?",
    ),
    "time.slow": Code(
        "the response was slow",
        "compare the phases: dns, tcp, tls, answer",
    ),
    "time.skew": Code(
        "the clocks differ",
        "is NTP running on both machines? `timedatectl`",
    ),
    "gate.flapping": Code(
        "there were too few consecutive passes before the time was up",
        "is an old worker still responding, or does a worker keep crashing? See the timeline",
    ),
    "probe.ca_file": Code(
        "the probe has no usable CA certificates",
        "install ca-certificates, or pass a PEM file with --ca-file or SSL_CERT_FILE",
        retryable=False,
    ),
    "probe.interrupted": Code(
        "a signal ended the probe before it had judged",
        "was the job canceled, or is its time limit shorter than --wait?",
        retryable=False,
    ),
    "probe.blind": Code(
        "the watch saw no failure, but sent no request for some seconds",
        "was the watching machine suspended or busy, or its terminal paused with Ctrl-S?",
        retryable=False,
    ),
    "probe.failed": Code(
        "the probe itself failed, so it cannot judge",
        "this is a bug in the probe: report the message and the options",
        retryable=False,
    ),
    "unknown.status": Code(
        "the status is not 200, and the response does not show what sent it",
        "look at the body with curl, and check everything between here and the app",
    ),
    "unknown.error": Code(
        "the exchange failed for a reason that has no code of its own",
        "try `curl -v`",
    ),
}
