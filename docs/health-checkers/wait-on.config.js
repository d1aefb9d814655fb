// wait-on 9: `wait-on --config wait-on.config.js` waits until the site answers, and exits 1 if it
// does not in time.
module.exports = {
  resources: [
    // -get: by default wait-on sends HEAD.
    'https-get://petsage.example/smoke-test/',
    // Detects welcome page, another app: wait-on itself reads only the status.
    "command:curl --silent --max-time 5 https://petsage.example/smoke-test/ | grep -q 'PetSage smoke test feature is operational'",
  ],
  headers: {
    // Detects wrong release: 412. Leave it out unless a deployment rewrites it.
    'If-Match': '"0123456789ab"',
  },
  // Detects app stopped: nginx answers 502.
  validateStatus: (status) => status === 200,
  followRedirect: false,
  // By default wait-on verifies no certificate.
  strictSSL: true,
  // Detects app frozen: nginx answers 504 after 4.8 s.
  httpTimeout: 5000,
  // Detects nginx stopped: the connection is refused. The total time, in milliseconds.
  timeout: 6000,
};
