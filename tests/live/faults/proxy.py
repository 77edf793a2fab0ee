"""Behind a real nginx, with connections kept and bodies buffered, while the workers of the service are reloaded.

nginx itself is not reloaded: it closes connections of its clients then over which a request may be on its way.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from tests.conftest import free_port
from tests.live.faults.load import Load, statuses
from tests.live.faults.table import CannotRun, Drill, pause

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream service {{
        server 127.0.0.1:{port};
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{own};
        location / {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_buffering on;
            proxy_request_buffering on;
            proxy_next_upstream off;
        }}
    }}
}}
"""
# Without its second try: what nginx would hide from its clients is to be counted.


def proxy(drill: Drill) -> None:
    """Clients of nginx, and two reloads of the service's workers."""
    required = (
        "all is answered with 200, with connections that nginx keeps and no second try, while workers are reloaded"
    )
    with drill.row("behind nginx", required) as row:
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        if not Path(program).exists():
            raise CannotRun("apt-get install nginx-light")
        served = row.serve("drill.py", workers=2)
        folder = row.folder / "nginx"
        folder.mkdir(mode=0o777)
        row.folder.chmod(0o755)
        folder.chmod(0o777)  # its workers are another user's
        own = free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=served.port, own=own))
        front = row.run(program, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log")
        front.port = own
        front.wait_answering()
        large = b"x" * 300_000  # more than nginx buffers in memory
        with (
            Load(own, clients=8) as kept,
            Load(own, clients=8, kept=False) as fresh,
            Load(own, clients=2, body=large) as big,
        ):
            for number in (1, 2):
                pause(drill.seconds / 2)
                served.signal(signal.SIGHUP)
                served.log.wait_for("is ready for requests", 2 + 2 * number)
            for load in (kept, fresh, big):
                row.require(load.wait_for(10), "nobody is answered afterwards")
        row.add(kept.counts + fresh.counts + big.counts)
        row.note(f"{statuses(row.counts)}; workers replaced twice")
        row.require_none_lost()
        row.require(row.counts["status 200"] == row.counts["answered"], statuses(row.counts))
        row.require((folder / "error.log").read_text().count("upstream") == 0, (folder / "error.log").read_text()[:300])
