#!/usr/bin/env bash
# Machines without a scheduler: torchrun starts a process for each GPU, and all of them anew when one has died. In an
# environment that has lightning-gans, from the folder that shall hold runs/:
#   RUN=first bash configs/cluster/torchrun.sh dcgan/mnist --data.root data
#   RUN=first NODES=2 MEET=HOST:29500 bash configs/cluster/torchrun.sh dcgan/mnist --data.root data
# the second on each of two machines that share the folder, HOST being one of them. The first argument is a config, by
# name or path; the others go to lightning-gans as they are. data.batch_size counts one process's images.
#
# RUN names the run: the same command goes on with it, whether torchrun gave up or the machine went down.
# Change by the environment: RUN, PROCESSES (the GPUs of one machine), NODES, MEET, RESTARTS.

set -euo pipefail
config="${1:?give a config: RUN=first bash torchrun.sh dcgan/mnist}"
shift
: "${RUN:?name the run: RUN=first bash torchrun.sh dcgan/mnist}"
processes="${PROCESSES:-4}"
nodes="${NODES:-1}"

# Else processes that are started anew may read the addresses of those before, and wait for them for half an hour
# (pytorch/pytorch#135712).
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1

# Ctrl-C and SIGTERM reach the processes through torchrun, which gives them half a minute to save themselves.
exec torchrun --nnodes "$nodes" --nproc-per-node "$processes" --max-restarts "${RESTARTS:-3}" \
    --rdzv-backend c10d --rdzv-endpoint "${MEET:-localhost:0}" --rdzv-id "$RUN" \
    --module lightning_gans fit --config "$config" \
    --trainer.devices "$processes" --trainer.num_nodes "$nodes" \
    --trainer.logger.version "$RUN" --ckpt_path auto "$@"
