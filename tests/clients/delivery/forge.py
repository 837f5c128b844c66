"""The part of GitHub, GitLab and Azure DevOps that comments on a merge request are made by, as their documentation has it."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "the-token-of-a-pipeline"


class Forge:
    """Keeps comments by id. Ends with the `with` that begins it."""

    def __enter__(self):
        forge = self
        self.comments, self.requests = {1: "<!-- polder plan of stg --> says somebody else"}, []

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                forge.requests.append((self.command, self.path))
                sent = (self.headers.get("Authorization") or "", self.headers.get("PRIVATE-TOKEN") or "")
                status, body = (401, {}) if TOKEN not in " ".join(sent) else forge.answer(self.command, self.path, self.sent())
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def sent(self):
                return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")

            def log_message(self, *_):
                pass

            do_GET = do_POST = do_PUT = do_PATCH = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    def plan_of(self, environment):
        """The one comment that is the plan of an environment."""
        mark = f"<!-- polder plan of {environment} -->\n"
        found = [text for number, text in self.comments.items() if number > 1 and text.startswith(mark)]
        assert len(found) == 1, f"{len(found)} comments are the plan of {environment}"
        return found[0]

    def written(self, body, number=None):
        number = number or max(self.comments) + 1
        self.comments[number] = body
        return number

    def answer(self, method, path, sent):
        place = path.split("?")[0]
        mine = lambda number: number > 1
        if place == "/repos/contoso/mesh/issues/7/comments":
            if method == "POST":
                return 201, {"id": self.written(sent["body"])}
            who = lambda number: {"login": "github-actions[bot]" if mine(number) else "mallory"}
            url = lambda number: f"{self.url}/repos/contoso/mesh/issues/comments/{number}"
            return 200, [{"url": url(n), "user": who(n), "body": text} for n, text in self.comments.items()]
        if found := re.fullmatch(r"/repos/contoso/mesh/issues/comments/(\d+)", place):
            assert method == "PATCH"
            return 200, {"id": self.written(sent["body"], int(found[1]))}
        if place == "/user":
            return 200, {"id": 5}
        if place == "/projects/3/merge_requests/7/notes":
            if method == "POST":
                return 201, {"id": self.written(sent["body"])}
            return 200, [{"id": n, "author": {"id": 5 if mine(n) else 6}, "body": text} for n, text in self.comments.items()]
        if found := re.fullmatch(r"/projects/3/merge_requests/7/notes/(\d+)", place):
            assert method == "PUT" and mine(int(found[1])), (method, place)
            return 200, {"id": self.written(sent["body"], int(found[1]))}
        threads = "/contoso/3/_apis/git/repositories/4/pullRequests/7/threads"
        if place == threads:
            assert path.endswith("?api-version=7.1"), path
            if method == "POST":
                return 200, {"id": self.written(sent["comments"][0]["content"])}
            thread = lambda n, text: {"id": n, "isDeleted": not mine(n), "comments": [{"id": 1, "content": text}]}
            return 200, {"value": [thread(n, text) for n, text in self.comments.items()]}
        if found := re.fullmatch(threads + r"/(\d+)/comments/1", place):
            assert method == "PATCH" and mine(int(found[1])), (method, place)
            return 200, {"id": self.written(sent["content"], int(found[1]))}
        return 404, {"message": place}
