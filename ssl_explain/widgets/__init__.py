"""The puppeteer: controls and live pictures."""
