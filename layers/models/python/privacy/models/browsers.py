"""The names under which browsers and platforms are recorded; whatever else a request calls itself does not
stay (promise visits.fields).
"""

from collections.abc import Mapping

OTHER = "Other"
"""A browser or platform that has no name here."""


def _by_alias(names: Mapping[str, str]) -> dict[str, str]:
    """Lower-case alias (a brand of the client hints, a family of ua-parser) to the name that is recorded."""
    aliases = {alias: name for name, row in names.items() for alias in row.split(", ") if alias}
    return {name.lower(): name for name in names} | aliases


BROWSERS = _by_alias(
    {
        "Chrome": "google chrome, chrome mobile, chrome mobile ios",
        "Chromium": "",
        "Edge": "microsoft edge, microsoft edge webview2, edge mobile",
        "Firefox": "firefox mobile, firefox ios",
        "Safari": "mobile safari, mobile safari ui/wkwebview",
        "Opera": "opera mobile, opera mini, opera touch",
        "Opera GX": "",
        "Brave": "",
        "Vivaldi": "",
        "Samsung Internet": "",
        "Yandex": "yabrowser, yandex browser, yowser",
        "UC Browser": "",
        "Huawei Browser": "huaweibrowser",
        "Whale": "naver whale",
        "QQ Browser": "",
        "Sogou Explorer": "",
        "Silk": "amazon silk",
        "DuckDuckGo": "duckduckgo mobile",
        "Ecosia": "",
        "Internet Explorer": "ie, ie mobile",
        "Pale Moon": "",
        "SeaMonkey": "",
        "Konqueror": "",
        "Falkon": "",
        "Epiphany": "",
        "Waterfox": "",
        "LibreWolf": "",
        "Tor Browser": "",
        "Android WebView": "chrome mobile webview, android",
        "HeadlessChrome": "",
        "Coc Coc": "",
        "MiuiBrowser": "",
        "Facebook": "",
        "Instagram": "",
        "WeChat": "",
        "LINE": "",
        "curl": "",
        "Wget": "",
        "HTTPie": "",
        "Python Requests": "python-requests",
        "Links": "",
        "Lynx": "",
        "w3m": "",
        "okhttp": "",
        "Python urllib": "python-urllib",
    }
)
PLATFORMS = _by_alias(
    {
        "Windows": "",
        "macOS": "mac os x, mac os",
        "iOS": "ipados",
        "Android": "",
        "ChromeOS": "chrome os, chromium os",
        "Linux": "ubuntu, debian, fedora, red hat, arch linux, gentoo, mint, opensuse",
        "FreeBSD": "",
        "OpenBSD": "",
        "NetBSD": "",
        "HarmonyOS": "",
        "KaiOS": "",
        "Tizen": "",
        "Fuchsia": "",
    }
)
