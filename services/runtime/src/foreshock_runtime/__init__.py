"""What every service stands on: lifecycle, streams, rpc, logs, metrics, settings."""
