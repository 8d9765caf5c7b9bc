#!/bin/sh
# Trains six variants on CIFAR-10 with three seeds and an equal budget, and writes its table in docs/results.md.
#   docs/cifar10.sh FOLDER      FOLDER contains train/CLASS and test/CLASS, the images of CIFAR-10
# Each run trains for at most 20 minutes of one core (OMP_NUM_THREADS=1) that multiplies in bfloat16, R3GAN with labels
# for twice as long. Finished runs are not repeated. `lightning-gans study cifar10` compares the same variants at a
# budget that is measured in seconds of one core.
set -eu

. "$(dirname "$0")/runs.sh"

for seed in 0 1 2; do
  for config in dcgan/cifar10 lsgan/cifar10 wgan_gp/cifar10 sngan/cifar10 r3gan/cifar10 r3gan/projection_cifar10; do
    fit_and_test "$(echo "$config" | tr /_ --)" "$seed" --config "$config" --trainer.precision bf16-mixed \
      --data ImageFolderDataModule --data.root "$1" --data.size 32
  done
done
lightning-gans table runs/dcgan-cifar10 runs/lsgan-cifar10 runs/wgan-gp-cifar10 runs/sngan-cifar10 runs/r3gan-cifar10 \
  runs/r3gan-projection-cifar10 --write docs/results.md --name cifar10 \
  --extractor efficientnet_lite0 --scores relative_fid,kid,precision,recall,density,coverage,head/label_accuracy
