#!/bin/sh
# Trains every variant with three seeds and writes the README's tables from the runs' own files.
#   docs/results.sh DATA        DATA holds MNIST, or it is downloaded there
# Three to four hours on two cores. Runs that are there already are not made again.
set -eu
data=$1
for config in gan/mnist dcgan/mnist lsgan/mnist cgan/mnist wgan_gp/mnist sngan/mnist r3gan/mnist \
  dcgan/stacked_mnist r3gan/stacked_mnist; do
  runs=runs/$(echo "$config" | sed 's|[/_]|-|g')
  for seed in 0 1 2; do
    run=$runs/seed-$seed
    [ -e "$run/tested" ] && continue
    lightning-gans fit --config "$config" --data.root "$data" --seed_everything "$seed" \
      --trainer.logger.version "seed-$seed"
    lightning-gans test --config "$run/config.yaml" --ckpt_path best
    touch "$run/tested"
  done
done
lightning-gans table runs/gan-mnist runs/dcgan-mnist runs/lsgan-mnist runs/cgan-mnist runs/wgan-gp-mnist \
  runs/sngan-mnist runs/r3gan-mnist --write README.md
lightning-gans table runs/dcgan-stacked-mnist runs/r3gan-stacked-mnist --write README.md --name stacked
