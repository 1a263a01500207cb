#!/bin/bash
# Trains a study on a Slurm cluster, eight trainings side by side, and writes its pages when all are done:
#
#     study=kermany-night data=/path/to/chest_xray bash deploy/slurm-array.sh
#
# Type it where the project lies, on a file system that every node sees. `make plan STUDY=...` tells how many trainings
# there are, how long they take and how much memory. A job that is killed or cut off goes on when it is submitted again.
set -euo pipefail

study=${study:?name of a study}                # the lines that you may want to change
data=${data:?folder that holds train and test}
shares=${shares:-8}
resources=${resources:---cpus-per-task=4 --mem=12G --time=12:00:00}
gpu=${gpu:-} # 1: each training has a GPU of its own

python=.venv${gpu:+-gpu}/bin/python
resources+=${gpu:+ --gres=gpu:1}
make install GPU="$gpu"
"$python" -m pneumo_utils plan "$study" --data "$data" # looks for data and downloads weights, before many want them

# shellcheck disable=SC2086 # resources are several arguments
trained=$(sbatch --parsable --array="1-$shares" --job-name="$study" $resources --wrap \
  "$python -m pneumo_utils work '$study' --data '$data' --job \$SLURM_ARRAY_TASK_ID/$shares --threads \$SLURM_CPUS_PER_TASK")

# shellcheck disable=SC2086
sbatch --dependency="afterok:$trained" --kill-on-invalid-dep=yes --job-name="$study-pages" $resources --wrap \
  "$python -m pneumo_utils report '$study' --data '$data'"
