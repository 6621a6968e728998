"""The local engine: ministack on this machine, with the real template deployed in both Cloud Regions."""
