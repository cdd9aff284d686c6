#!/bin/bash
# A search on several nodes of a Slurm cluster: Ray on all of them, the command on the first.
# Submit it from a folder that all nodes share: sbatch deploy/slurm.sh /shared/my_data runs/first
#SBATCH --job-name=automl
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --time=08:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
set -euo pipefail

DATA=${1:?give the folder of the data set}
OUT=${2:?give the folder of the experiment}
export RAY_AUTH_MODE=disabled  # The nodes of a job are reached by its owner alone.

mapfile -t NODES < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
HEAD=${NODES[0]}
PORT=6379
CPUS=${SLURM_CPUS_PER_TASK:-1}

srun --nodes=1 --ntasks=1 --overlap -w "$HEAD" \
    ray start --head --node-ip-address="$HEAD" --port="$PORT" --num-cpus="$CPUS" --block &
sleep 20
for NODE in "${NODES[@]:1}"; do
    srun --nodes=1 --ntasks=1 --overlap -w "$NODE" \
        ray start --address="$HEAD:$PORT" --num-cpus="$CPUS" --block &
done
sleep 20

# Slurm sends TERM two minutes before the end: the search stops and can be resumed. A job that was
# put back into the queue resumes by itself.
if [ -e "$OUT/settings.yaml" ]; then
    automl resume "$OUT" --address "$HEAD:$PORT" &
else
    automl run --skill segformer --data "$DATA" --out "$OUT" --address "$HEAD:$PORT" &
fi
SEARCH=$!
trap 'kill -TERM "$SEARCH"; wait "$SEARCH"' TERM
wait "$SEARCH"
