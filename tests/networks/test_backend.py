"""What a user has set for other programs changes no number of this one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


def run(code, **environment):
    """What a new process prints."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
        env=os.environ | environment,
    )  # fmt: skip


@pytest.mark.long
def test_keras_comes_without_packages_that_nothing_here_asks_it_for_and_these_come_later():
    code = """
import sys
import pneumo_utils.networks.backend
print({"IPython", "matplotlib", "pandas", "sklearn"} & set(sys.modules))
import matplotlib.pyplot, pandas, sklearn.linear_model
"""
    assert run(code).stdout == "set()\n"


@pytest.mark.long
def test_trainings_side_by_side_share_the_memory_of_a_gpu_unless_the_user_says_otherwise():
    code = """
import os
import pneumo_utils.networks.backend
print(os.environ["TF_FORCE_GPU_ALLOW_GROWTH"])
"""
    assert [run(code).stdout, run(code, TF_FORCE_GPU_ALLOW_GROWTH="false").stdout] == ["true\n", "false\n"]


@pytest.mark.long
def test_neither_keras_json_nor_the_environment_changes_what_networks_compute_in(tmp_path):
    odd = {"floatx": "float16", "epsilon": 1e-3, "backend": "jax", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(odd))
    code = """
from pneumo_utils.networks.backend import keras, tf
import os
config = keras.config
print(config.backend(), config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy().name)
print(os.environ.get("TF_XLA_FLAGS"), os.environ["TF_ENABLE_ONEDNN_OPTS"])
print([name for name in os.environ if "FPMATH" in name], tf.config.experimental.tensor_float_32_execution_enabled())
"""
    foreign = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax", "TF_ENABLE_ONEDNN_OPTS": "0"}
    foreign |= {"TF_XLA_FLAGS": "--tf_xla_auto_jit=2", "ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}
    foreign |= {"TF_SET_ONEDNN_FPMATH_MODE": "BF16", "DNNL_DEFAULT_FPMATH_MODE": "BF16"}
    ran = run(code, **foreign)
    assert ran.stdout.splitlines() == ["tensorflow float32 1e-07 channels_last float32", "None 1", "[] False"]
    assert ran.stderr == ""
