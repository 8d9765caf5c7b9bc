#!/bin/sh
# Trains every variant with three seeds and writes the tables of docs/results.md from the run folders.
#   docs/results.sh DATA        DATA contains MNIST, or MNIST is downloaded into it
# Takes five to six hours on two cores. Finished runs are not repeated.
set -eu
data=$1

. "$(dirname "$0")/runs.sh"

# test_untrained RUNS SEED ARGUMENTS...: tests the generator before training
test_untrained() {
  runs=runs/$1 seed=$2
  shift 2
  [ -e "$runs/seed-$seed/scores.jsonl" ] && return
  lightning-gans test "$@" --seed_everything "$seed" --trainer.logger.name "${runs#runs/}" \
    --trainer.logger.version "seed-$seed" --ckpt_path none
}

# analyze RUNS SEED: analyzes the best checkpoint, including the linear probe of D
analyze() {
  folder=runs/$1/seed-$2
  [ -e "$folder/analysis" ] || lightning-gans test --config "$folder/config.yaml" --analysis.rows 16
}

for seed in 0 1 2; do
  for config in gan/mnist dcgan/mnist lsgan/mnist cgan/mnist wgan_gp/mnist sngan/mnist r3gan/mnist \
    dcgan/stacked_mnist r3gan/stacked_mnist; do
    fit_and_test "$(echo "$config" | sed 's|[/_]|-|g')" "$seed" --config "$config" --data.root "$data"
  done
  for run in gan-mnist dcgan-mnist r3gan-mnist; do
    analyze "$run" "$seed"
  done
  fit_and_test pix2pix-synthetic "$seed" --config pix2pix/synthetic
  fit_and_test pix2pix-synthetic-reversed "$seed" --config pix2pix/synthetic --model.direction a_to_b
  fit_and_test cyclegan-synthetic "$seed" --config cyclegan/synthetic
  test_untrained cyclegan-untrained "$seed" --config cyclegan/synthetic
  test_untrained cyclegan-identity "$seed" --config cyclegan/synthetic --model.generator IdentityTranslator
done
lightning-gans table runs/gan-mnist runs/dcgan-mnist runs/lsgan-mnist runs/cgan-mnist runs/wgan-gp-mnist \
  runs/sngan-mnist runs/r3gan-mnist --write docs/results.md \
  --scores relative_fid,kid,precision,recall,density,coverage,class_kl,label_accuracy,class_fid,probe/accuracy
lightning-gans table runs/dcgan-stacked-mnist runs/r3gan-stacked-mnist --write docs/results.md --name stacked \
  --scores relative_fid,kid,precision,recall,density,coverage,class_kl,modes
lightning-gans table runs/pix2pix-synthetic runs/pix2pix-synthetic-reversed --scores l1,psnr,ssim,accuracy,miou \
  --write docs/results.md --name pix2pix
lightning-gans table runs/cyclegan-synthetic runs/cyclegan-untrained runs/cyclegan-identity --write docs/results.md \
  --name cyclegan --scores b/miou,b/accuracy,b/ssim,b/cycle_l1,a/ssim,a/psnr,a/cycle_l1
