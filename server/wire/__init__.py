"""How a message and a close code are spelt: the only place that knows."""
