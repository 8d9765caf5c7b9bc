#!/bin/sh
# Trains the settings of `fit photos` and DCGAN on photos of flowers at 48 pixels, each for about 20 minutes of one core.
#   docs/flowers.sh FOLDER [WEIGHTS]      FOLDER contains CLASS/*.jpg; WEIGHTS are those of timm's tf_efficientnet_lite1
#   STEPS=20 docs/flowers.sh FOLDER       a trial
# With WEIGHTS the runs are also scored by a network other than the one that scored them in training. Three seeds.
# Finished runs are not repeated.
set -eu

. "$(dirname "$0")/runs.sh"

folder=$1 weights=${2:-}

# judge NAME SEED: the scores of the run's best checkpoint in the features of the other network
judge() {
  run=runs/$1/seed-$2
  if [ -z "$weights" ] || [ -e "$run/judged" ]; then return; fi
  lightning-gans test --config "$run/config.yaml" --evaluation.extractor TimmFeatures \
    --evaluation.extractor.network tf_efficientnet_lite1 --evaluation.extractor.weights "$weights" \
    --evaluation.head_images 0
  touch "$run/judged"
}

for seed in 0 1 2; do
  fit_and_test flowers-photos "$seed" photos --data.root "$folder" --data.size 48 --trainer.precision bf16-mixed \
    --trainer.max_steps "${STEPS:-6000}"
  judge flowers-photos "$seed"
  fit_and_test flowers-dcgan "$seed" dcgan/cifar10 --data ImageFolderDataModule --data.root "$folder" --data.size 48 \
    --data.val_size 431 --trainer.precision bf16-mixed --trainer.max_steps "${STEPS:-5400}" \
    --trainer.check_val_every_n_epoch null --trainer.val_check_interval 1000
  judge flowers-dcgan "$seed"
done
lightning-gans table runs/flowers-photos runs/flowers-dcgan --scores relative_fid,kid,precision,recall,density,coverage
