"""Operations: the command line, logs, metrics, the health check, the machine's limits."""
