#!/bin/bash
# Trains a study on a Slurm cluster, eight shares side by side, and writes its pages when all are done:
#
#     study=kermany-night data=/path/to/chest_xray bash deploy/slurm-array.sh
#
# Type it where the project lies, on a file system that every node sees. The data must be one folder for all nodes, too:
# a copy on the disk of a node has other times, and its share would run the first pages again. Install nothing anew
# (`make` after a change of the lock) while an array runs: its jobs read the same environment.
#
# `make plan STUDY=...` tells how many trainings there are, how long they take and how much memory. A share does its
# trainings one after another, and all of them must fit into --time: with two, twice the longest. A job that is killed or
# cut off goes on when it is submitted again.
set -euo pipefail

study=${study:?must be the name of a study}                # the lines that you may want to change
data=${data:?must be the folder that holds train and test}
shares=${shares:-8}
resources=${resources:---cpus-per-task=4 --mem=12G --time=24:00:00}
gpu=${gpu:-} # 1: each training has a GPU of its own

command -v sbatch >/dev/null || { echo "error: sbatch must be there, got none: run this where Slurm is" >&2; exit 1; }
case $gpu in 0 | no | false) gpu= ;; esac
python=.venv${gpu:+-gpu}/bin/python
resources+=${gpu:+ --gres=gpu:1}
quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; } # one word for the shell of the job, whatever it holds
what="$(quote "$study") --data $(quote "$data")"
make install GPU="$gpu"
"$python" -m pneumo_utils plan "$study" --data "$data" # looks for data and downloads weights, before many want them

# shellcheck disable=SC2086 # resources are several arguments
trained=$(sbatch --parsable --array="1-$shares" --job-name="$study" $resources --wrap \
  "$python -m pneumo_utils work $what --job \$SLURM_ARRAY_TASK_ID/$shares --threads \${SLURM_CPUS_PER_TASK:-0}")

# Nothing is left to train for the pages, so they have no --threads. A federation answers with `number;cluster`.
# shellcheck disable=SC2086
sbatch --dependency="afterok:${trained%%;*}" --kill-on-invalid-dep=yes --job-name="$study-pages" $resources --wrap \
  "$python -m pneumo_utils report $what"
