"""What makes a model: data, labels, objectives, and the trainer around them."""
