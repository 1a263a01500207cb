"""Where everything of a study lies: the only room that knows file names.

reports/<study>/index.html, <page>.html     what people read
reports/<study>/parameters.yaml             what it ran with
reports/<study>/tables/*.csv                what travels between notebooks
reports/<study>/model/                      what scores other radiographs, whole in one folder
reports/<study>/work/                       pixels, activations, networks, notebooks: large, can be made again
reports/<study>/by-hand/                    the same again, of notebooks that somebody runs once it is finished
"""

from __future__ import annotations

from pathlib import Path

from pneumo_utils.records.bundle_names import BUNDLE_FILE, CARD_FILE, CARD_HASH_FILE
from pneumo_utils.records.contracts.deployment import DEPLOYMENT
from pneumo_utils.records.contracts.evaluation import EVALUATION
from pneumo_utils.records.contracts.explanation import EXPLANATION

# which notebook a reader has to run first when something is missing
WRITERS = {
    "data": "01_eda",
    "manifest": "01_eda",
    "exclusions": "01_eda",
    "acquisition": "01_eda",
    "acquisition_audit": "01_eda",
    "acquisition_drift": "01_eda",
    "splits": "02_preprocessing",
    "near_duplicates": "02_preprocessing",
    "images": "02_preprocessing",
    "reference_predictions": "02_preprocessing",
    "outline_predictions": "02_preprocessing",
    "perturbations": "02_preprocessing",
    "history": "03_finetune",
    "predictions": "03_finetune",
    "models": "03_finetune",
    "varied_predictions": "03_finetune",
    "perturbed_predictions": "03_finetune",
    "resplit_predictions": "03_finetune",
    "network": "03_finetune",
    **dict.fromkeys(EVALUATION, "04_evaluation"),
    **dict.fromkeys(EXPLANATION, "05_gradcam"),
    "test_maps": "05_gradcam",
    **dict.fromkeys(("perturbed_performance", "leakage", "shifted_rates", "shift_tolerance"), "06_robustness"),
    **dict.fromkeys(DEPLOYMENT, "07_deployment"),
}
NETWORK_TABLES = ("history", "predictions", "models")  # of each network by itself, until they are joined


class MissingArtefactError(FileNotFoundError):
    """Something an earlier notebook writes is not there yet; the message names that notebook."""


class RunDirectory:
    """The run directory of one study, by names.

    Args:
        study: name of the study; its folder under `reports`.
        reports: folder of all reports.
    """

    def __init__(self, study: str, reports: str | Path):
        self.study = study
        self.reports = Path(reports)
        self.folder = self.reports / study
        self.work, self.tables = self.folder / "work", self.folder / "tables"

    def table_file(self, name: str) -> Path:
        """Where the table `name` lies."""
        return self.tables / f"{name}.csv"

    def network_table_file(self, name: str, model: str, seed: int) -> Path:
        """Where one network's share of the table `name` lies until `join_network_tables` joins the shares."""
        return self.network_folder(model, seed) / f"{name}.csv"

    @property
    def images_file(self) -> Path:
        """The preprocessed pictures, one a row of `splits`."""
        return self.work / "images.npy"

    @property
    def perturbed_file(self) -> Path:
        """The pictures made harder, one a row of `perturbations`."""
        return self.work / "perturbed.npy"

    @property
    def parameters_file(self) -> Path:
        """The parameters that the study ran with."""
        return self.folder / "parameters.yaml"

    @property
    def by_hand_folder(self) -> Path:
        """What notebooks write that somebody runs on the finished study; see `notebook_store`."""
        return self.folder / "by-hand"

    @property
    def bundle_folder(self) -> Path:
        """The model bundle: all that scoring needs, to be copied anywhere."""
        return self.folder / "model"

    @property
    def bundle_card_files(self) -> list[Path]:
        """The model card in the bundle and its hash; written with the front page, since it tells of all pages."""
        return [self.bundle_folder / name for name in (CARD_FILE, CARD_HASH_FILE)]

    def bundle_files(self) -> list[Path]:
        """What the model bundle says of itself, and all else in it but the card, its hash and hidden files."""
        own, later = self.bundle_folder / BUNDLE_FILE, self.bundle_card_files
        others = (
            path
            for path in self.bundle_folder.rglob("*")
            if path.is_file() and not _is_hidden(path, self.bundle_folder)
        )
        return [own, *sorted(path for path in others if path not in (own, *later))]

    @property
    def exports_folder(self) -> Path:
        """The bundled networks in the formats of other engines, until they are packed."""
        return self.work / "exports"

    @property
    def data_file(self) -> Path:
        """Which folder the radiographs came from."""
        return self.work / "data.json"

    def network_file(self, model: str, seed: int) -> Path:
        """The network `model` trained from `seed`."""
        return self.network_folder(model, seed) / "network.keras"

    def network_files(self, model: str, seed: int) -> list[Path]:
        """All that one training leaves behind: the network, and its shares of the tables."""
        return [
            self.network_file(model, seed),
            *(self.network_table_file(name, model, seed) for name in NETWORK_TABLES),
        ]

    def run_file(self, model: str, seed: int) -> Path:
        """What the network `model` trained from `seed` was made of."""
        return self.network_folder(model, seed) / "run.json"

    def training_state_file(self, model: str, seed: int) -> Path:
        """Where a training that was killed goes on; gone once it is over."""
        return self.network_folder(model, seed) / "training-state.npz"

    def training_lock(self, model: str, seed: int) -> Path:
        """Held while that network is trained."""
        return self.network_folder(model, seed) / "training.lock"

    def perturbed_answers_file(self, model: str, seed: int) -> Path:
        """What that network has said so far of the pictures made harder."""
        return self.network_folder(model, seed) / "perturbed-answers.npz"

    def explanation_file(self, model: str, seed: int, name: str) -> Path:
        """What that network answered when it was asked `name` to explain it."""
        return self.network_folder(model, seed) / f"{name}.npz"

    @property
    def precision_file(self) -> Path:
        """The number format that `auto` is for the networks of the study."""
        return self.work / "precision.txt"

    @property
    def join_lock(self) -> Path:
        """Held while tables of single networks are joined."""
        return self.work / "join.lock"

    def progress_file(self, page: str) -> Path:
        """How far the notebook of `page` has come while it runs."""
        return self.work / "progress" / f"{page}.json"

    @property
    def lungs_file(self) -> Path:
        """Where the lungs are in the pictures that are explained."""
        return self.work / "lungs.npz"

    def activations_folder(self, model: str) -> Path:
        """What the frozen trunk of `model` gave, for all seeds: large, can be computed again."""
        return self.work / "models" / model / "activations"

    def network_folder(self, model: str, seed: int) -> Path:
        """All that belongs to the network `model` trained from `seed`."""
        return self.work / "models" / model / f"seed-{seed}"

    def executed_notebook(self, page: str) -> Path:
        """The notebook of `page` with its outputs."""
        return self.work / "notebooks" / f"{page}.ipynb"

    def broken_notebook(self, page: str) -> Path:
        """What was reached of `page` when it broke."""
        return self.work / "notebooks" / f"{page}.broken.ipynb"

    def record_file(self, page: str) -> Path:
        """What the pipeline knows of the last good run of `page`."""
        return self.work / "records" / f"{page}.json"

    def page_file(self, page: str) -> Path:
        """The HTML of `page`."""
        return self.folder / f"{page}.html"

    def seeds(self, model: str) -> list[int]:
        """Seeds that `model` was trained from, rising."""
        named = [folder.name.removeprefix("seed-") for folder in (self.work / "models" / model).glob("seed-*")]
        return sorted(int(seed) for seed in named if seed.isascii() and seed.isdigit())  # a copy by hand is no seed

    def require_network(self, model: str, seed: int) -> Path:
        """The file of the network `model` trained from `seed`, which must exist."""
        return self.require("network", self.network_file(model, seed))

    def require(self, name: str, path: Path) -> Path:
        """`path`, which must exist.

        Raises:
            MissingArtefactError: it does not; `name`, a key of `WRITERS`, tells which notebook writes it.
        """
        if not path.is_file():
            raise MissingArtefactError(
                f"{name} must be there before this notebook, got no {path.name} in {path.parent.resolve()}: "
                f"run {WRITERS[name]} first"
            )
        return path


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(name.startswith(".") for name in path.relative_to(folder).parts)
