"""Analyses of one trained model: memorization, interpolations, classes, discriminator logits, linear probe."""
