"""The puppeteer: controls and live pictures."""

from ssl_explain.kit.prediction import predict

__all__ = [
    "predict",
]
