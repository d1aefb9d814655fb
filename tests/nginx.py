"""Runs nginx with a test's own configuration; deploy.nginx uses the project's."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import listens, program
from tests.polling import wait_until


@contextmanager
def run_nginx(folder: Path, port: int, http: str) -> Iterator[None]:
    """Run nginx until the block ends, with `http` in its http block and its state in `folder`.

    Skips without nginx, but fails if CI is set.
    """
    nginx = program("nginx", "nginx-light")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    # As root, nginx would switch its workers to a user that cannot write here.
    user = "user root; " if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"{user}pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;\nevents {{}}\n"
        f"http {{ include /etc/nginx/mime.types; access_log off; {temporary}\n{http} }}\n"
    )
    command = [nginx, "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(configuration)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: listens(port), f"nginx listens on {port}")
            yield
        finally:
            process.terminate()
