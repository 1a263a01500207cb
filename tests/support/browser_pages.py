"""A page that scores in the browser, a bundle for it, and a server that knows nothing of either."""

from __future__ import annotations

import functools
import http.server
import io
import tarfile
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.deployment.averaged_networks import AveragedNetworks
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.quality_control import gate_fitting
from pneumo_utils.deployment.web import browser_runtime
from support import bundles

STORED, SHOWN, FILTERS = 64, 48, 12


def write_network(path: Path) -> Path:
    """A network of random filters that answers like those of a study, in the format of ONNX."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(3)
    weights = {
        "shape": np.array([-1, 1, SHOWN, SHOWN]),
        "grey": np.float32(1 / 255),
        "filters": generator.normal(0, 0.3, (FILTERS, 1, 5, 5)).astype(np.float32),
        "flat": np.array([0, -1]),
        "weights": generator.normal(0, 3, (FILTERS, 1)).astype(np.float32),
    }
    nodes = [
        ("Reshape", ["pixels", "shape"], "picture", {}),
        ("Mul", ["picture", "grey"], "light", {}),
        ("Conv", ["light", "filters"], "edges", {"strides": [2, 2]}),
        ("Relu", ["edges"], "strong", {}),
        ("GlobalAveragePool", ["strong"], "pooled", {}),
        ("Reshape", ["pooled", "flat"], "features", {}),
        ("MatMul", ["features", "weights"], "logit", {}),
        ("Sigmoid", ["logit"], "probability", {}),
    ]
    graph = helper.make_graph(
        [helper.make_node(kind, into, [out], **given) for kind, into, out, given in nodes],
        "network",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", SHOWN, SHOWN])],
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", FILTERS]),
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 1]),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(onnx.ModelProto.SerializeToString(model))
    return path


def draw_phantoms(first: int, count: int, size: int = STORED) -> np.ndarray:
    """Radiographs that are drawn, uint8 (count, size, size)."""
    kinds = radiograph.ETIOLOGIES
    return np.stack([radiograph.draw(kinds[n % 3], n, n, size, size).pixels for n in range(first, first + count)])


def write_bundle(folder: Path) -> Bundle:
    """A bundle whose networks and gate are small, and answer all the same."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    network = write_network(folder.parent / "network.onnx")
    networks = AveragedNetworks.load([network], "onnx", 4, "logit")
    train, held_out = draw_phantoms(0, 70), draw_phantoms(1000, 40)
    made = gate_fitting.fit(train, networks.features(train), held_out, networks.features(held_out))
    prepared = bundles.TOLD["preparation"] | {"stored_size": STORED, "image_size": SHOWN, "test_views": 4}
    files = {"keras": {("cnn", 0): network}, "onnx": {("cnn", 0): network}}
    return bundles.write(folder, made, files, preparation=prepared)


def write_archive(path: Path, members: tuple[str, ...] = tuple(browser_runtime.FILES.values())) -> Path:
    """An archive like that of onnxruntime-web, of words."""
    with tarfile.open(path, "w:gz") as archive:
        for name in members:
            content = f"words in place of {name}".encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


class _Files(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *given, asked, **options):
        self._asked = asked
        super().__init__(*given, **options)

    def log_message(self, form, *said):
        """Keep what was asked for, and print nothing."""
        self._asked.append(form % said)


@contextmanager
def serving(folder: Path, asked: list[str] | None = None):
    """The address of a server of files that is like `python -m http.server`; `asked` grows by each request."""
    handler = functools.partial(_Files, directory=str(folder), asked=[] if asked is None else asked)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
