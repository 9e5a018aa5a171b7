"""What an operator sees and sets: the command line, the log, the metrics, the machine."""
