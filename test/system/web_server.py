"""An HTTP server on this host, on its loopback unless said otherwise, for guests to fetch from and upload to. Used by the system tests."""
import hashlib
import http.server
import threading


def serve(folder, address="127.0.0.1"):
    """Serves the folder; `uploaded` is the SHA-256 of what was PUT last, `asked` are the paths that were fetched."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *a, **k):
            super().__init__(*a, directory=folder, **k)

        def log_message(self, *a):
            pass

        def do_GET(self):
            self.server.asked.append(self.path)
            try:
                super().do_GET()
            except ConnectionError:
                pass  # the guest has gone back to a time before it asked

        def do_PUT(self):
            left, digest = int(self.headers["Content-Length"]), hashlib.sha256()
            while left > 0:
                data = self.rfile.read(min(left, 65536))
                if not data:
                    break
                digest.update(data)
                left -= len(data)
            self.server.uploaded = digest.hexdigest()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    server.uploaded, server.asked = None, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
