# Shell functions that docs/results.sh and docs/cifar10.sh share.

# fit_and_test RUNS SEED ARGUMENTS...: trains a run and tests its best checkpoint, unless that was done before
fit_and_test() {
  runs=runs/$1 seed=$2
  shift 2
  [ -e "$runs/seed-$seed/tested" ] && return
  lightning-gans fit "$@" --seed_everything "$seed" --trainer.logger.name "${runs#runs/}" \
    --trainer.logger.version "seed-$seed" --ckpt_path auto
  lightning-gans test --config "$runs/seed-$seed/config.yaml"
  touch "$runs/seed-$seed/tested"
}
