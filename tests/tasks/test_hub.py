"""The Hub without a network, and with one that does not have what is asked for; a loopback server stands for it."""

import http.server
import threading

import datasets
import pytest
from huggingface_hub import constants

from catalogue import make_task
from rnnbench.errors import UserError

ASKING = {
    "char_lm": ("corpus", "use a local file or 'docs'"),
    "mnist": ("data", "use a folder with the four files of MNIST"),
    "text_classification": ("data", "use a local file or 'unicode'"),
}
"""The tasks that ask the Hub, the option that names the data set, and what to use without a network."""


@pytest.fixture
def reach(monkeypatch):
    """A function that lets the Hub be at an address, as if no test had set ``datasets`` offline."""
    for key in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(key, raising=False)

    def at(address):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", address)
        for holder in (constants, datasets.config):
            monkeypatch.setattr(holder, "HF_HUB_OFFLINE", False)

    return at


@pytest.mark.parametrize("name", ASKING)
def test_without_a_network(reach, name):
    key, instead = ASKING[name]
    reach("http://127.0.0.1:9")  # no server listens there
    with pytest.raises(UserError, match=f"task.{key}=hub:nobody/nothing: .*; without a network {instead}"):
        make_task(name, **{key: "hub:nobody/nothing"}).baseline("test")
    # No retries: the half minute that they take is spared by asking the server once whether it is there.
    assert constants.HF_HUB_OFFLINE
    assert datasets.config.HF_HUB_OFFLINE


class Nothing(http.server.BaseHTTPRequestHandler):
    """A Hub without any repository, which answers as the real one does."""

    def do_GET(self):
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("name", ASKING)
def test_a_name_that_does_not_exist(reach, name):
    key, _ = ASKING[name]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        reach(f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(UserError) as caught:
            make_task(name, **{key: "hub:nobody/nothing2"}).baseline("test")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    text = str(caught.value)
    assert text.startswith(f"task.{key}=hub:nobody/nothing2: Dataset 'nobody/nothing2' doesn't exist on the Hub")
    assert text.endswith("Check the name on https://huggingface.co/datasets")
    assert "\n" not in text
