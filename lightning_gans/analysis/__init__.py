"""What one trained model is like: whether it copies, how its images change, what D has learned."""
