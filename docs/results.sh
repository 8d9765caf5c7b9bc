#!/bin/sh
# Trains every variant with three seeds and writes the README's tables from the runs' own files.
#   docs/results.sh DATA        DATA holds MNIST, or it is downloaded there
# Five to six hours on two cores. Runs that are there already are not made again.
set -eu
data=$1

# measured RUNS SEED ARGUMENTS...: fit, and test of the best checkpoint
measured() {
  runs=runs/$1 seed=$2
  shift 2
  [ -e "$runs/seed-$seed/tested" ] && return
  lightning-gans fit "$@" --seed_everything "$seed" --trainer.logger.name "${runs#runs/}" \
    --trainer.logger.version "seed-$seed"
  lightning-gans test --config "$runs/seed-$seed/config.yaml" --ckpt_path best
  touch "$runs/seed-$seed/tested"
}

# never_trained RUNS SEED ARGUMENTS...: test of the generator as it starts
never_trained() {
  runs=runs/$1 seed=$2
  shift 2
  [ -e "$runs/seed-$seed/scores.jsonl" ] && return
  lightning-gans test "$@" --seed_everything "$seed" --trainer.logger.name "${runs#runs/}" \
    --trainer.logger.version "seed-$seed"
}

# inspected RUNS SEED: a close look at the best checkpoint, with the linear probe of D
inspected() {
  run=runs/$1/seed-$2
  [ -e "$run/analysis" ] || lightning-gans test --config "$run/config.yaml" --ckpt_path best --analysis.rows 16
}

for seed in 0 1 2; do
  for config in gan/mnist dcgan/mnist lsgan/mnist cgan/mnist wgan_gp/mnist sngan/mnist r3gan/mnist \
    dcgan/stacked_mnist r3gan/stacked_mnist; do
    measured "$(echo "$config" | sed 's|[/_]|-|g')" "$seed" --config "$config" --data.root "$data"
  done
  inspected dcgan-mnist "$seed"
  measured pix2pix-synthetic "$seed" --config pix2pix/synthetic
  measured pix2pix-synthetic-reversed "$seed" --config pix2pix/synthetic --model.direction a_to_b --best.monitor val/miou
  measured cyclegan-synthetic "$seed" --config cyclegan/synthetic
  never_trained cyclegan-untrained "$seed" --config cyclegan/synthetic
  never_trained cyclegan-identity "$seed" --config cyclegan/synthetic --model.generator Untranslated
done
lightning-gans table runs/gan-mnist runs/dcgan-mnist runs/lsgan-mnist runs/cgan-mnist runs/wgan-gp-mnist \
  runs/sngan-mnist runs/r3gan-mnist --write README.md \
  --scores relative_fid,kid,precision,recall,density,coverage,class_kl,label_accuracy,class_fid,probe/accuracy
lightning-gans table runs/dcgan-stacked-mnist runs/r3gan-stacked-mnist --write README.md --name stacked \
  --scores relative_fid,kid,precision,recall,density,coverage,class_kl,modes
lightning-gans table runs/pix2pix-synthetic runs/pix2pix-synthetic-reversed --scores l1,psnr,ssim,accuracy,miou \
  --write README.md --name pix2pix
lightning-gans table runs/cyclegan-synthetic runs/cyclegan-untrained runs/cyclegan-identity --write README.md \
  --name cyclegan --scores b/miou,b/accuracy,b/ssim,b/cycle_l1,a/ssim,a/psnr,a/cycle_l1
