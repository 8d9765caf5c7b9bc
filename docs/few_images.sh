#!/bin/sh
# Trains SNGAN on 5,000 images of CIFAR-10 without augmentation, with DiffAugment and with ADA, for equally many steps.
#   docs/few_images.sh FOLDER [SEED]...      FOLDER contains train/CLASS and test/CLASS; seed 0 by default
#   STEPS=20 docs/few_images.sh FOLDER       a trial
# Finished runs are not repeated.
set -eu

. "$(dirname "$0")/runs.sh"

folder=$1
shift
[ $# -gt 0 ] || set -- 0

# train NAME SEED ARGUMENTS...: one run, and its test on the 10,000 test images
train() {
  name=few-images-$1 number=$2
  shift 2
  fit_and_test "$name" "$number" --config sngan/cifar10 --trainer.precision bf16-mixed \
    --trainer.max_steps "${STEPS:-6500}" --trainer.check_val_every_n_epoch null --trainer.val_check_interval 500 \
    --data ImageFolderDataModule --data.root "$folder" --data.size 32 --data.val_size 2000 --data.train_size 5000 "$@"
}

for seed in "$@"; do
  train none "$seed"
  train diffaugment "$seed" --model.augmentation DiffAugment
  train ada "$seed" --model.augmentation ADA --model.augmentation.ramp_images 100000
done
lightning-gans table runs/few-images-none runs/few-images-diffaugment runs/few-images-ada \
  --scores relative_fid,kid,precision,recall,density,coverage
