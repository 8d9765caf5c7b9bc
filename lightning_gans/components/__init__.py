"""Parts of a variant that are chosen by class path: objectives, penalties, noise, augmentations, optimizers."""
