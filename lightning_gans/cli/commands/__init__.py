"""What is done with a trained model on the command line; light, as it needs neither data nor Lightning."""
