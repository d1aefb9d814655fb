# Varnish 7: a probe for each machine. Varnish reads only the status.
vcl 4.1;

import directors;

probe petsage {
    .request =
        "GET /smoke-test/ HTTP/1.1"
        "Host: petsage.example"
        {"If-Match: "0123456789ab""}
        "Connection: close";
    # Detects app stopped: nginx answers 502.
    # Detects wrong release: 412, by If-Match. Leave the header out unless a deployment rewrites it.
    # Detects welcome page: a file server answers 412 too.
    .expected_response = 200;
    # Detects app frozen: nginx would answer 504 after 4.8 s.
    # Detects nginx stopped: the connection is refused.
    .timeout = 3s;
    .interval = 2s;
    # Out when fewer than 2 of the last 3 passed.
    .window = 3;
    .threshold = 2;
}

# Varnish does not use TLS to its backends. Port 80 serves the smoke test; for other paths, put a TLS
# client such as stunnel in between, or you get redirects.
backend petsage1 { .host = "192.0.2.11"; .port = "80"; .probe = petsage; }
backend petsage2 { .host = "192.0.2.12"; .port = "80"; .probe = petsage; }

sub vcl_init {
    new machines = directors.round_robin();
    machines.add_backend(petsage1);
    machines.add_backend(petsage2);
}

sub vcl_recv {
    set req.backend_hint = machines.backend();
    # Never cached.
    if (req.url == "/smoke-test/") {
        return (pass);
    }
}
