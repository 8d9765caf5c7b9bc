#!/bin/sh
# Trains a GAN on 5,000 images of CIFAR-10 without augmentation, with DiffAugment and with ADA, for equally many steps.
#   docs/few_images.sh FOLDER [SEED]...      FOLDER contains train/CLASS and test/CLASS; seed 0 by default
#   STEPS=20 docs/few_images.sh FOLDER       a trial
# Compact networks, DCGAN's losses, and R1 of the weight that Karras et al. (2020) use for CIFAR-10: D overfits within
# a few thousand steps. Finished runs are not repeated.
set -eu

. "$(dirname "$0")/runs.sh"

folder=$1
shift
[ $# -gt 0 ] || set -- 0

# train NAME SEED ARGUMENTS...: one run; tests its best checkpoint, and then its last one with an analysis
train() {
  name=few-images-$1 number=$2
  shift 2
  fit_and_test "$name" "$number" --config dcgan/pacgan_compact --trainer.precision bf16-mixed \
    --trainer.max_steps "${STEPS:-8000}" --trainer.check_val_every_n_epoch null --trainer.val_check_interval 500 \
    --data ImageFolderDataModule --data.root "$folder" --data.size 32 --data.val_size 2000 --data.train_size 5000 \
    --model.noise NormalNoise --model.penalty.weight 0.01 "$@"
  run=runs/$name/seed-$number
  if [ ! -e "$run/analysed" ]; then
    lightning-gans test --config "$run/config.yaml" --ckpt_path "$run/checkpoints/last.ckpt" --analysis.rows 16
    touch "$run/analysed"
  fi
}

for seed in "$@"; do
  train none "$seed"
  train diffaugment "$seed" --model.augmentation DiffAugment --model.augmentation.color false
  train ada "$seed" --model.augmentation ADA --model.augmentation.ramp_images 100000
done
lightning-gans table runs/few-images-none runs/few-images-diffaugment runs/few-images-ada \
  --scores relative_fid,kid,precision,recall,density,coverage
