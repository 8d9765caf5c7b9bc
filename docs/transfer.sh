#!/bin/sh
# Trains R3GAN on photos of flowers, and on emoji from random weights, from those of the flowers and with frozen layers.
#   docs/transfer.sh FLOWERS EMOJI               two folders of images
#   STEPS=20 docs/transfer.sh FLOWERS EMOJI      a trial
# Prints the scores at the end of each run, and after how many steps each has reached those from random weights. 16 runs
# of 2,500 steps and their tests. Finished runs are not repeated.
set -eu
flowers=$1 emoji=$2

. "$(dirname "$0")/runs.sh"

# fit_images RUNS SEED FOLDER ARGUMENTS...: trains on a folder of images at constant learning rates
fit_images() {
  runs=$1 seed=$2 folder=$3
  shift 3
  fit_and_test "$runs" "$seed" --config r3gan/cifar10 --trainer.precision bf16-mixed --data ImageFolderDataModule \
    --data.root "$folder" --data.size 32 --data.val_size 1000 --model.scheduler_g null --model.scheduler_d null \
    --trainer.max_steps "${STEPS:-2500}" --trainer.check_val_every_n_epoch null --trainer.val_check_interval 250 "$@"
}

fit_images flowers 0 "$flowers"
for seed in 0 1 2; do
  fit_images emoji-random "$seed" "$emoji"
  fit_images emoji-transfer "$seed" "$emoji" --model.start_from runs/flowers/seed-0
  for blocks in 1 2 3; do
    fit_images "emoji-freeze-$blocks" "$seed" "$emoji" --model.start_from runs/flowers/seed-0 \
      --model.freeze_d "$blocks"
  done
done
lightning-gans table runs/emoji-random runs/emoji-transfer runs/emoji-freeze-1 runs/emoji-freeze-2 runs/emoji-freeze-3 \
  --scores relative_fid,kid,precision,recall,density,coverage
python "$(dirname "$0")/transfer.py" runs/emoji-random runs/emoji-transfer runs/emoji-freeze-1 runs/emoji-freeze-2 \
  runs/emoji-freeze-3
