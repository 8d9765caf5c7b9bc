#!/bin/sh
# Trains R3GAN on photos of flowers, and on emoji from random weights, from those of the flowers and with frozen layers.
#   docs/transfer.sh FLOWERS EMOJI [SEED]...     two folders of images; seed 0 by default
#   STEPS=20 docs/transfer.sh FLOWERS EMOJI      a trial
# Emoji are few (300) or all. Prints after how many steps each run has reached the score of those from random weights.
# Finished runs are not repeated.
set -eu
flowers=$1 emoji=$2
shift 2
[ $# -gt 0 ] || set -- 0

. "$(dirname "$0")/runs.sh"

# fit_images RUNS SEED FOLDER STEPS INTERVAL ARGUMENTS...: trains on a folder of images at constant learning rates
fit_images() {
  runs=$1 seed=$2 folder=$3 steps=$4 interval=$5
  shift 5
  fit_and_test "$runs" "$seed" --config r3gan/cifar10 --trainer.precision bf16-mixed --data ImageFolderDataModule \
    --data.root "$folder" --data.size 32 --data.val_size 1000 --model.scheduler_g null --model.scheduler_d null \
    --trainer.max_steps "${STEPS:-$steps}" --trainer.check_val_every_n_epoch null \
    --trainer.val_check_interval "$interval" "$@"
}

fit_images flowers 0 "$flowers" 6000 250
for seed in "$@"; do
  fit_images emoji300-random "$seed" "$emoji" 2000 125 --data.train_size 300
  fit_images emoji300-transfer "$seed" "$emoji" 750 125 --data.train_size 300 --model.start_from runs/flowers/seed-0
  fit_images emoji-random "$seed" "$emoji" 2500 250
  fit_images emoji-transfer "$seed" "$emoji" 1250 250 --model.start_from runs/flowers/seed-0
  for blocks in 1 2; do
    fit_images "emoji-freeze-$blocks" "$seed" "$emoji" 1000 250 --model.start_from runs/flowers/seed-0 \
      --model.freeze_d "$blocks"
  done
done
python "$(dirname "$0")/transfer.py" runs/emoji300-random runs/emoji300-transfer
python "$(dirname "$0")/transfer.py" runs/emoji-random runs/emoji-transfer runs/emoji-freeze-1 runs/emoji-freeze-2
